//! How a terminal is set.

/// How a terminal treats what is typed and what is written.
///
/// Source: POSIX `termios.h`.
///
/// ```
/// use greenproc::Termios;
/// let cooked = Termios::default();
/// assert!(cooked.canonical && cooked.echo && cooked.isig);
/// assert_eq!(cooked.control.intr, Some(3)); // ^C
/// assert!(!cooked.raw().canonical);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the flags of termios, each independent of the others"
)]
pub struct Termios {
    /// Input is read by lines, which can be edited until they end.
    #[doc(alias = "ICANON")]
    pub canonical: bool,
    /// What is typed goes to the output too.
    #[doc(alias = "ECHO")]
    pub echo: bool,
    /// Some characters send signals, see [`ControlCharacters`].
    #[doc(alias = "ISIG")]
    pub isig: bool,
    /// CR is read as NL.
    #[doc(alias = "ICRNL")]
    pub icrnl: bool,
    /// Output is processed: without it, [`onlcr`](Termios::onlcr) does nothing.
    #[doc(alias = "OPOST")]
    pub opost: bool,
    /// NL is written as CR NL.
    #[doc(alias = "ONLCR")]
    pub onlcr: bool,
    /// A process in the background that writes is sent SIGTTOU.
    #[doc(alias = "TOSTOP")]
    pub tostop: bool,
    /// Without [`canonical`](Termios::canonical): a read waits for so many bytes, or for what it has room for.
    #[doc(alias = "VMIN")]
    pub vmin: u8,
    /// The characters that mean something.
    pub control: ControlCharacters,
}

/// The characters that do something instead of being read; `None` for one that is not wanted.
///
/// Source: POSIX `termios.h`, 11.1.9 Special Characters; `werase` is BSD's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlCharacters {
    /// SIGINT: ^C.
    pub intr: Option<u8>,
    /// SIGQUIT: ^\\.
    pub quit: Option<u8>,
    /// SIGTSTP: ^Z.
    pub susp: Option<u8>,
    /// Ends the line without a character; at its beginning, the end of the file: ^D.
    pub eof: Option<u8>,
    /// Erases the last character of the line: DEL.
    pub erase: Option<u8>,
    /// Erases the last word of the line, and the blanks after it: ^W.
    pub werase: Option<u8>,
    /// Erases the line: ^U.
    pub kill: Option<u8>,
}

/// How large a terminal's window is, in characters; zero if nobody has said.
///
/// Source: `ioctl(TIOCGWINSZ)`, POSIX 2024 `tcgetwinsize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowSize {
    /// How many lines it shows.
    pub rows: u16,
    /// How long they are.
    pub columns: u16,
}

/// The character that the control key makes of this one.
const fn ctrl(key: u8) -> u8 {
    key & 0x1f
}

impl Default for Termios {
    /// Lines that can be edited and are echoed; signals; NL and CR NL are what they are expected to be.
    fn default() -> Termios {
        Termios {
            canonical: true,
            echo: true,
            isig: true,
            icrnl: true,
            opost: true,
            onlcr: true,
            tostop: false,
            vmin: 1,
            control: ControlCharacters::default(),
        }
    }
}

impl Default for ControlCharacters {
    fn default() -> ControlCharacters {
        ControlCharacters {
            intr: Some(ctrl(b'C')),
            quit: Some(ctrl(b'\\')),
            susp: Some(ctrl(b'Z')),
            eof: Some(ctrl(b'D')),
            erase: Some(0x7f),
            werase: Some(ctrl(b'W')),
            kill: Some(ctrl(b'U')),
        }
    }
}

impl Termios {
    /// The same, but every byte is read and written as it is, each as it comes.
    ///
    /// Source: BSD `cfmakeraw`.
    #[must_use]
    pub const fn raw(self) -> Termios {
        Termios { canonical: false, echo: false, isig: false, icrnl: false, opost: false, vmin: 1, ..self }
    }
}
