%% Lives of Erlang processes for scripts/peers-external: spawn_monitor, and the 'DOWN' that says that it has ended.
-module(lives).
-export([main/0]).

main() ->
    case io:get_line("") of
        eof ->
            halt(0);
        Line ->
            [Pattern, Count] = string:lexemes(string:trim(Line), " "),
            %% In a process of its own each time, so that what one phase leaves in a heap is not in the next one.
            Parent = self(),
            spawn_link(fun() -> Parent ! {took, phase(Pattern, list_to_integer(Count))} end),
            receive {took, Nanoseconds} -> io:format("~b~n", [Nanoseconds]) end,
            main()
    end.

phase(Pattern, Count) ->
    AtATime = case Pattern of "batch1000" -> 1000; "sequential" -> 1 end,
    Start = erlang:monotonic_time(nanosecond),
    batches(Count div AtATime, AtATime),
    erlang:monotonic_time(nanosecond) - Start.

batches(0, _) -> ok;
batches(Left, AtATime) ->
    start(AtATime),
    wait(AtATime),
    batches(Left - 1, AtATime).

start(0) -> ok;
start(Left) ->
    spawn_monitor(fun() -> ok end),
    start(Left - 1).

wait(0) -> ok;
wait(Left) -> receive {'DOWN', _, process, _, normal} -> wait(Left - 1) end.
