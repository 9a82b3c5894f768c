// Lives of goroutines for scripts/peers-external: one after another with a channel, many at a time with a WaitGroup.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sync"
	"time"
)

func batch(lives int) {
	const atATime = 1000
	for ; lives > 0; lives -= atATime {
		var group sync.WaitGroup
		group.Add(atATime)
		for i := 0; i < atATime; i++ {
			go func() { group.Done() }()
		}
		group.Wait()
	}
}

func sequential(lives int) {
	ended := make(chan struct{})
	for ; lives > 0; lives-- {
		go func() { ended <- struct{}{} }()
		<-ended
	}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var pattern string
		var lives int
		if _, err := fmt.Sscan(lines.Text(), &pattern, &lives); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		start := time.Now()
		switch pattern {
		case "batch1000":
			batch(lives)
		case "sequential":
			sequential(lives)
		default:
			fmt.Fprintln(os.Stderr, "no such pattern:", pattern)
			os.Exit(1)
		}
		fmt.Println(time.Since(start).Nanoseconds())
	}
}
