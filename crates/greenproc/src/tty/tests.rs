//! The line discipline in tables: what is typed, what is read, what is shown.

use proptest::prelude::*;

use super::discipline::{Effect, LineDiscipline, Readiness};
use super::input::INPUT_MAX;
use super::output::OUTPUT_MAX;
use super::termios::{Termios, WindowSize};
use crate::signal::Signal;

fn set(termios: Termios) -> LineDiscipline {
    let mut tty = LineDiscipline::default();
    tty.set_termios(termios);
    tty
}

fn cooked() -> LineDiscipline {
    LineDiscipline::default()
}

fn raw(vmin: u8) -> LineDiscipline {
    set(Termios { vmin, ..Termios::default().raw() })
}

/// All that can be read, read by read.
fn reads(tty: &mut LineDiscipline, size: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let mut buf = vec![0; size];
        match tty.read(&mut buf) {
            Readiness::Read(0) | Readiness::Wait => return all,
            Readiness::Read(count) => all.push(buf[..count].to_vec()),
            Readiness::EndOfFile => all.push(b"<EOF>".to_vec()),
        }
    }
}

fn read(tty: &mut LineDiscipline) -> Vec<Vec<u8>> {
    reads(tty, INPUT_MAX)
}

fn shown(tty: &mut LineDiscipline) -> Vec<u8> {
    tty.take_output(usize::MAX)
}

/// Bytes as they can be compared and read in a message.
fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn texts<T: AsRef<[u8]>>(all: &[T]) -> Vec<String> {
    all.iter().map(|bytes| text(bytes.as_ref())).collect()
}

/// One line of a table: what is typed, what is read, what is shown.
type Row<'a> = (&'a [u8], &'a [&'a [u8]], &'a [u8]);

#[track_caller]
fn check(termios: Termios, rows: &[Row<'_>]) {
    for &(typed, expected, screen) in rows {
        // At once, and byte by byte: that makes no difference.
        for size in [typed.len().max(1), 1] {
            let mut tty = set(termios);
            for piece in typed.chunks(size) {
                tty.input(piece);
            }
            assert_eq!(texts(&read(&mut tty)), texts(expected), "read of {:?}", text(typed));
            assert_eq!(text(&shown(&mut tty)), text(screen), "shown of {:?}", text(typed));
        }
    }
}

#[test]
fn lines_are_read_when_they_end() {
    check(
        Termios::default(),
        &[
            (b"", &[], b""),
            (b"abc", &[], b"abc"),
            (b"abc\n", &[b"abc\n"], b"abc\r\n"),
            (b"abc\r", &[b"abc\n"], b"abc\r\n"),
            (b"a\nb\nc", &[b"a\n", b"b\n"], b"a\r\nb\r\nc"),
            (b"\n\n", &[b"\n", b"\n"], b"\r\n\r\n"),
            (b"\xc3\xa9\n", &["é\n".as_bytes()], b"\xc3\xa9\r\n"),
        ],
    );
}

#[test]
fn the_end_of_file_character_ends_a_line_or_the_file() {
    check(
        Termios::default(),
        &[
            (b"\x04", &[b"<EOF>"], b""),
            (b"abc\x04", &[b"abc"], b"abc"),
            (b"abc\x04\x04", &[b"abc", b"<EOF>"], b"abc"),
            (b"abc\n\x04", &[b"abc\n", b"<EOF>"], b"abc\r\n"),
            (b"\x04\x04a\n", &[b"<EOF>", b"<EOF>", b"a\n"], b"a\r\n"),
            (b"ab\x7f\x7f\x04", &[b"<EOF>"], b"ab\x08 \x08\x08 \x08"),
        ],
    );
}

#[test]
fn a_line_is_edited_until_it_ends() {
    check(
        Termios::default(),
        &[
            // erase
            (b"ab\x7fc\n", &[b"ac\n"], b"ab\x08 \x08c\r\n"),
            (b"\x7f\x7fa\n", &[b"a\n"], b"a\r\n"),
            (b"a\n\x7fb\n", &[b"a\n", b"b\n"], b"a\r\nb\r\n"),
            // werase: the blanks after the word too, those before it not
            (b"one two\x17\n", &[b"one \n"], b"one two\x08 \x08\x08 \x08\x08 \x08\r\n"),
            (b"a bc  \x17x\n", &[b"a x\n"], b"a bc  \x08 \x08\x08 \x08\x08 \x08\x08 \x08x\r\n"),
            (b"  \x17\n", &[b"\n"], b"  \x08 \x08\x08 \x08\r\n"),
            (b"\x17a\n", &[b"a\n"], b"a\r\n"),
            // kill
            (b"ab\x15c\n", &[b"c\n"], b"ab\x08 \x08\x08 \x08c\r\n"),
            (b"a\nb\x15c\n", &[b"a\n", b"c\n"], b"a\r\nb\x08 \x08c\r\n"),
            (b"\x15\n", &[b"\n"], b"\r\n"),
        ],
    );
}

#[test]
fn whole_characters_are_erased() {
    let rows: &[(&[u8], &[u8], usize)] = &[
        // what is typed before DEL and NL, what is left of it, how many columns are taken back
        ("é".as_bytes(), b"", 1),
        ("aé".as_bytes(), b"a", 1),
        ("éa".as_bytes(), "é".as_bytes(), 1),
        ("a€".as_bytes(), b"a", 1),
        ("a🦀".as_bytes(), b"a", 1),
        // what is no UTF-8 goes byte by byte; the beginning of a character at once
        (b"a\x80", b"a", 0),
        (b"\xc3\xa9\x80", b"\xc3\xa9", 0),
        (b"a\xe2\x82", b"a", 1),
        (b"a\xff", b"a", 1),
        (b"\x80\x80\x80\x80\x80", b"\x80\x80\x80\x80", 0),
        // shown as two
        (b"a\x01", b"a", 2),
    ];
    for &(typed, left, columns) in rows {
        let mut tty = cooked();
        tty.input(typed);
        shown(&mut tty);
        tty.input(b"\x7f");
        assert_eq!(text(&shown(&mut tty)), text(&b"\x08 \x08".repeat(columns)), "{:?}", text(typed));
        tty.input(b"\n");
        assert_eq!(texts(&read(&mut tty)), [text(&[left, b"\n"].concat())], "{:?}", text(typed));
    }
}

#[test]
fn an_erased_tab_takes_its_columns_back() {
    // what is written before, what is typed, and how many columns its last character takes
    let rows: &[(&[u8], &[u8], usize)] = &[
        (b"", b"\t", 8),
        (b"", b"abc\t", 5),
        (b"$ ", b"abc\t", 3),
        (b"line\n", b"abc\t", 5),
        (b"12345678", b"\t", 8),
        (b"\r\tab\x08", b"\t", 7),
        (b"", b"\x01\t", 6),
        ("é".as_bytes(), "é\t".as_bytes(), 6),
        (b"\x1b", b"\t", 8),
    ];
    for &(written, typed, columns) in rows {
        let mut tty = cooked();
        assert_eq!(tty.write(written), written.len());
        tty.input(typed);
        shown(&mut tty);
        tty.input(b"\x7f");
        assert_eq!(shown(&mut tty).len(), 3 * columns, "{:?} after {:?}", text(typed), text(written));
    }
}

#[test]
fn control_characters_are_echoed_with_a_caret() {
    check(
        Termios::default(),
        &[
            (b"\x01\x1b[A\n", &[b"\x01\x1b[A\n"], b"^A^[[A\r\n"),
            (b"a\tb\n", &[b"a\tb\n"], b"a\tb\r\n"),
            (b"\x00\x07\n", &[b"\x00\x07\n"], b"^@^G\r\n"),
        ],
    );
    let mut unset = Termios::default();
    unset.control.erase = None;
    check(unset, &[(b"a\x7f\n", &[b"a\x7f\n"], b"a^?\r\n")]);
}

#[test]
fn without_echo_nothing_is_shown() {
    let silent = Termios { echo: false, ..Termios::default() };
    check(
        silent,
        &[(b"secret\n", &[b"secret\n"], b""), (b"ab\x7f\x17\x15c\n", &[b"c\n"], b""), (b"ab\x03", &[], b"")],
    );
}

#[test]
fn without_icrnl_a_carriage_return_is_one() {
    let strict = Termios { icrnl: false, ..Termios::default() };
    check(strict, &[(b"a\rb\n", &[b"a\rb\n"], b"a^Mb\r\n")]);
}

#[test]
fn other_characters_can_be_chosen_or_none() {
    let mut termios = Termios::default();
    termios.control.kill = Some(b'@');
    termios.control.erase = Some(b'#');
    termios.control.werase = None;
    termios.control.eof = Some(b'!');
    termios.control.intr = None;
    check(
        termios,
        &[
            (b"ab@c#d\n", &[b"d\n"], b"ab\x08 \x08\x08 \x08c\x08 \x08d\r\n"),
            (b"a\x17\x03\n", &[b"a\x17\x03\n"], b"a^W^C\r\n"),
            (b"a!!", &[b"a", b"<EOF>"], b"a"),
        ],
    );
}

#[test]
fn signals_are_sent_and_flush_what_was_typed() {
    let rows: &[(&[Signal], Row<'_>)] = &[
        (&[Signal::INT], (b"\x03", &[], b"^C")),
        (&[Signal::QUIT], (b"\x1c", &[], b"^\\")),
        (&[Signal::TSTP], (b"\x1a", &[], b"^Z")),
        (&[Signal::INT], (b"abc\x03", &[], b"abc^C")),
        (&[Signal::TSTP], (b"a\nb\n\x04\x1ac\n", &[b"c\n"], b"a\r\nb\r\n^Zc\r\n")),
        (&[Signal::INT, Signal::QUIT, Signal::INT], (b"\x03\x1c\x03", &[], b"^C^\\^C")),
    ];
    for &(signals, (typed, expected, screen)) in rows {
        let mut tty = cooked();
        let effects = tty.input(typed);
        let sent: Vec<Effect> = signals.iter().copied().map(Effect::Signal).collect();
        assert_eq!(effects[..sent.len()], sent);
        assert_eq!(effects.contains(&Effect::Readable), !expected.is_empty());
        assert_eq!(texts(&read(&mut tty)), texts(expected));
        assert_eq!(text(&shown(&mut tty)), text(screen));
    }
    let mut tty = set(Termios { isig: false, ..Termios::default() });
    assert_eq!(tty.input(b"\x03\x1c\x1a\n"), [Effect::Readable, Effect::Output]);
    assert_eq!(texts(&read(&mut tty)), [text(b"\x03\x1c\x1a\n")]);
    let mut tty = set(Termios { isig: true, ..Termios::default().raw() });
    assert_eq!(tty.input(b"a\x03b"), [Effect::Signal(Signal::INT), Effect::Readable]);
    assert_eq!(texts(&read(&mut tty)), ["b"]);
}

#[test]
fn a_signal_leaves_what_was_written_until_it_is_flushed() {
    let mut tty = cooked();
    tty.write(b"written");
    tty.input(b"\x03");
    assert_eq!(text(&shown(&mut tty)), "written^C");
    tty.write(b"written");
    tty.flush_output();
    assert_eq!((tty.output_len(), tty.output_room()), (0, OUTPUT_MAX));
    tty.input(b"a\nb");
    tty.flush_input();
    tty.input(b"c\n");
    assert_eq!(texts(&read(&mut tty)), texts(&[b"c\n"]));
}

#[test]
fn effects_say_who_has_to_look() {
    let rows: &[(Termios, &[u8], &[Effect])] = &[
        (Termios::default(), b"", &[]),
        (Termios::default(), b"a", &[Effect::Output]),
        (Termios::default(), b"\x04", &[Effect::Readable]),
        (Termios::default(), b"a\n", &[Effect::Readable, Effect::Output]),
        (Termios::default().raw(), b"a", &[Effect::Readable]),
        (Termios { vmin: 5, ..Termios::default().raw() }, b"a", &[Effect::Readable]),
    ];
    for &(termios, typed, expected) in rows {
        assert_eq!(set(termios).input(typed), expected, "{:?}", text(typed));
    }
}

#[test]
fn a_line_is_read_in_pieces() {
    let mut tty = cooked();
    tty.input(b"abcde\nf\nx");
    assert_eq!(tty.available(), 6);
    assert_eq!(tty.read(&mut []), Readiness::Read(0));
    assert_eq!(texts(&reads(&mut tty, 4)), texts(&[&b"abcd"[..], b"e\n", b"f\n"]));
    assert_eq!((tty.available(), tty.has_input()), (0, false));
    // A line that ends without a character leaves no end of file behind, also if it fits to the byte.
    tty.input(b"yz\x04");
    assert_eq!(texts(&reads(&mut tty, 3)), ["xyz"]);
    assert_eq!(tty.read(&mut [0; 3]), Readiness::Wait);
    tty.input(b"\x04");
    assert_eq!((tty.available(), tty.has_input()), (0, true));
}

#[test]
fn raw_reads_wait_for_vmin() {
    // vmin, what is there, the size of the buffer, and what the read says
    let rows = [
        (1, 0, 8, Readiness::Wait),
        (1, 1, 8, Readiness::Read(1)),
        (1, 9, 8, Readiness::Read(8)),
        (3, 2, 8, Readiness::Wait),
        (3, 3, 8, Readiness::Read(3)),
        (3, 2, 2, Readiness::Read(2)),
        (3, 1, 2, Readiness::Wait),
        (255, 254, 300, Readiness::Wait),
        (255, 255, 300, Readiness::Read(255)),
        (0, 0, 8, Readiness::Read(0)),
        (0, 2, 8, Readiness::Read(2)),
        (9, 1, 0, Readiness::Read(0)),
    ];
    for (vmin, there, size, expected) in rows {
        let mut tty = raw(vmin);
        tty.input(&vec![b'x'; there]);
        assert_eq!(tty.available(), there);
        assert_eq!(tty.read(&mut vec![0; size]), expected, "{there} of {vmin} into {size}");
    }
}

#[test]
fn raw_bytes_pass_as_they_are() {
    let every: Vec<u8> = (0..=255).collect();
    let mut tty = raw(1);
    tty.input(&every);
    assert_eq!(read(&mut tty), [every.as_slice()]);
    assert_eq!(tty.write(&every), every.len());
    assert_eq!(shown(&mut tty), every);
    let mut tty = set(Termios { echo: true, ..Termios::default().raw() });
    tty.input(b"a\x7f\r\n");
    assert_eq!(text(&shown(&mut tty)), text(b"a^?^M\n"));
}

#[test]
fn a_change_of_mode_loses_nothing() {
    let mut tty = cooked();
    tty.input(b"a\nb\x04\x04cd");
    let cooked = tty.termios();
    tty.set_termios(cooked.raw());
    assert_eq!(tty.termios(), cooked.raw());
    let mut buf = [0; 4];
    assert_eq!((tty.available(), tty.read(&mut buf)), (5, Readiness::Read(4)));
    assert_eq!(text(&buf), text(b"a\nbc"));
    tty.input(b"e\nf");
    tty.set_termios(cooked);
    tty.input(b"g\n");
    assert_eq!(texts(&read(&mut tty)), texts(&[&b"de\nf"[..], b"g\n"]));
    tty.set_termios(cooked.raw());
    tty.set_termios(cooked);
    assert_eq!(tty.read(&mut [0; 8]), Readiness::Wait);
}

#[test]
fn too_much_input_rings_the_bell() {
    let much = vec![b'x'; INPUT_MAX + 5];
    // A line may be one byte less, so that its end fits.
    let mut tty = set(Termios { echo: false, ..Termios::default() });
    tty.input(&much);
    assert_eq!(shown(&mut tty), [7; 6]);
    tty.input(b"\x7f\n");
    assert_eq!(shown(&mut tty), []);
    assert_eq!(tty.available(), INPUT_MAX - 1);
    tty.input(b"yz\n");
    assert_eq!(shown(&mut tty), [7; 2], "there is room for the end of a line, not for what is in it");
    tty.input(b"\n");
    assert_eq!(shown(&mut tty), [7]);
    assert_eq!(read(&mut tty), [[&much[..INPUT_MAX - 2], b"\n"].concat(), b"\n".to_vec()]);
    tty.input(&[4; INPUT_MAX + 2]);
    assert_eq!(shown(&mut tty), [7; 2], "ends of file are counted too");
    assert_eq!(read(&mut tty).len(), INPUT_MAX);
    let mut tty = raw(1);
    tty.input(&much);
    assert_eq!(shown(&mut tty), [7; 5]);
    assert_eq!(read(&mut tty), [&much[..INPUT_MAX]]);
}

#[test]
fn written_lines_return_the_carriage() {
    let on = Termios::default();
    let rows: &[(Termios, &[u8], &[u8])] = &[
        (on, b"a\nb", b"a\r\nb"),
        (on, b"\r\n", b"\r\r\n"),
        (Termios { onlcr: false, ..on }, b"a\nb", b"a\nb"),
        (Termios { opost: false, ..on }, b"a\nb", b"a\nb"),
    ];
    for &(termios, written, screen) in rows {
        let mut tty = set(termios);
        assert_eq!(tty.write(written), written.len());
        assert_eq!(tty.output_len(), screen.len());
        assert_eq!(text(&shown(&mut tty)), text(screen));
    }
}

#[test]
fn output_is_bounded_and_taken_in_pieces() {
    let mut tty = cooked();
    assert_eq!(tty.write(&vec![b'x'; OUTPUT_MAX - 1]), OUTPUT_MAX - 1);
    assert_eq!(tty.output_room(), 1);
    assert_eq!(tty.write(b"\nx"), 0, "a line's end is two bytes, or none");
    assert_eq!(tty.write(b"yz"), 1);
    assert_eq!((tty.write(b"z"), tty.output_room()), (0, 0));
    assert_eq!(tty.take_output(3), b"xxx");
    assert_eq!(tty.write(b"1\n2"), 3 - 1);
    assert_eq!(shown(&mut tty)[OUTPUT_MAX - 4..], *b"y1\r\n");
    assert_eq!(tty.take_output(1), b"");
    // What is typed is shown although a process has filled the queue, up to a limit of its own.
    tty.write(&vec![b'x'; OUTPUT_MAX]);
    assert_eq!(tty.input(b"a\x03"), [Effect::Signal(Signal::INT), Effect::Output]);
    assert_eq!(tty.take_output(usize::MAX)[OUTPUT_MAX..], *b"a^C");
    tty.write(&vec![b'x'; OUTPUT_MAX]);
    for _ in 0..INPUT_MAX {
        tty.input(b"abc\n\x15");
    }
    assert!(tty.output_len() <= OUTPUT_MAX + INPUT_MAX, "{}", tty.output_len());
    assert_eq!(tty.output_room(), 0);
}

#[test]
fn a_window_that_changes_is_told() {
    let mut tty = cooked();
    assert_eq!(tty.window_size(), WindowSize::default());
    let window = WindowSize { rows: 24, columns: 80 };
    assert_eq!(tty.set_window_size(window), Some(Effect::Signal(Signal::WINCH)));
    assert_eq!(tty.set_window_size(window), None);
    assert_eq!(tty.window_size(), window);
}

proptest! {
    /// Canonical input without control characters comes out unchanged, line by line, however it is typed and read.
    #[test]
    fn lines_come_out_as_they_were_typed(
        lines in prop::collection::vec(prop::collection::vec(0x20_u8..=0xff, 0..100), 0..30),
        typed_at_once in 1_usize..50,
        read_at_once in 1_usize..200,
    ) {
        let mut lines: Vec<Vec<u8>> = lines;
        for line in &mut lines {
            line.retain(|&byte| byte != 0x7f);
            line.push(b'\n');
        }
        let mut tty = cooked();
        for piece in lines.concat().chunks(typed_at_once) {
            tty.input(piece);
        }
        let pieces: Vec<Vec<u8>> =
            lines.iter().flat_map(|line| line.chunks(read_at_once).map(<[u8]>::to_vec)).collect();
        prop_assert_eq!(reads(&mut tty, read_at_once), pieces);
        let screen: Vec<u8> = lines.concat().into_iter().flat_map(|byte| match byte {
            b'\n' => vec![b'\r', b'\n'],
            _ => vec![byte],
        }).collect();
        prop_assert_eq!(shown(&mut tty), screen);
    }
}
