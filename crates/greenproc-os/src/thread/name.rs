//! The name under which the host's tools show a thread.
#![allow(unsafe_code, reason = "prctl")]

/// What the kernel keeps of a name, without the closing NUL.
const LONGEST: usize = 15;

/// Gives the calling thread the name that `ps -L`, `top -H` and debuggers show.
///
/// The first 15 bytes are kept, cut between two characters; NULs are dropped. On the first thread of the OS
/// process this is also the name of the process. Costs a system call.
///
/// ```
/// greenproc_os::thread::set_name("gp17:worker");
/// ```
#[doc(alias = "pthread_setname_np")]
pub fn set_name(name: &str) {
    let name = kernel_name(name);
    // SAFETY: PR_SET_NAME reads a NUL-terminated string of at most 16 bytes; `kernel_name` leaves the last
    // byte 0, and the array outlives the call. It cannot fail with a readable address.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

fn kernel_name(name: &str) -> [u8; LONGEST + 1] {
    let mut kept = [0; LONGEST + 1];
    let mut length = 0;
    for character in name.chars().filter(|&character| character != '\0') {
        if length + character.len_utf8() > LONGEST {
            break;
        }
        length += character.encode_utf8(&mut kept[length..]).len();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_between_characters() {
        let cases = [
            ("", ""),
            ("worker", "worker"),
            ("exactly15bytes!", "exactly15bytes!"),
            ("sixteen bytes ok", "sixteen bytes o"),
            ("a\0b\0", "ab"),
            ("fourteen bytesé", "fourteen bytes"),
            ("thirteen byteé", "thirteen byteé"),
            ("ééééééééé", "ééééééé"),
        ];
        for (name, expected) in cases {
            let kept = kernel_name(name);
            assert_eq!(kept[LONGEST], 0, "{name:?} ends in a NUL");
            let length = kept.iter().position(|&byte| byte == 0).unwrap();
            assert_eq!(str::from_utf8(&kept[..length]), Ok(expected), "{name:?}");
        }
    }
}
