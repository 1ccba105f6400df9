//! Printing into a message.

use std::fmt::{self, Write};
use std::net::SocketAddr;

use super::uri::Host;

/// What prints into a message: texts, numbers, addresses and their URIs. `Display` of the same comes to the same text (but for the
/// zone of an IPv6 address, which no message has), but the machinery behind it takes several times as long as the text itself, and
/// a message has dozens of values.
pub trait Print {
    /// Writes it. An error is `out`'s.
    fn print(&self, out: &mut impl Write) -> fmt::Result;

    /// As a text of its own.
    fn printed(&self) -> String {
        let mut text = String::with_capacity(64);
        // Writing to a String cannot fail.
        let _ = self.print(&mut text);
        text
    }
}

impl<T: Print + ?Sized> Print for &T {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        (**self).print(out)
    }
}

impl Print for str {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str(self)
    }
}

impl Print for String {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str(self)
    }
}

/// Texts one after the other.
impl<const PARTS: usize> Print for [&str; PARTS] {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        self.iter().try_for_each(|part| out.write_str(part))
    }
}

impl Print for fmt::Arguments<'_> {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        out.write_fmt(*self)
    }
}

macro_rules! print_numbers {
    ($($number:ty),*) => {$(
        impl Print for $number {
            fn print(&self, out: &mut impl Write) -> fmt::Result {
                out.write_str(itoa::Buffer::new().format(*self))
            }
        }
    )*};
}

print_numbers!(u8, u16, u32, u64, usize, i32);

/// `address:port`, an IPv6 address in brackets and without its zone, which means something on this machine alone.
impl Print for SocketAddr {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        Host::from(self.ip()).print(out)?;
        print_port(Some(self.port()), out)
    }
}

/// `:port` where there is one.
pub(super) fn print_port(port: Option<u16>, out: &mut impl Write) -> fmt::Result {
    match port {
        Some(port) => {
            out.write_char(':')?;
            port.print(out)
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_as_sip_has_it() {
        for (address, printed) in [
            ("192.0.2.1:5060", "192.0.2.1:5060"),
            ("[2001:db8::1]:5061", "[2001:db8::1]:5061"),
            ("[fe80::1%2]:5060", "[fe80::1]:5060"),
        ] {
            assert_eq!(address.parse::<SocketAddr>().unwrap().printed(), printed);
        }
    }
}
