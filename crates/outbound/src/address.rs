//! What an IP address is: the open internet, a private network, or nothing that a request may ever go to.
//!
//! The ranges are those of IANA's special-purpose registries (RFC 6890 and its successors), and the addresses under
//! which clouds tell secrets to whoever asks from inside. An IPv6 address that carries an IPv4 address is judged by
//! what it carries where a network translates it, and refused where none should.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The open internet.
    Global,
    /// This machine or a private network: reached only where the operator allows it.
    Private,
    /// Link-local, metadata, multicast, reserved, documentation, tunnels: never reached.
    Never,
}

/// IPv4 ranges by first address and prefix length.
const V4_PRIVATE: &[([u8; 4], u32)] =
    &[([10, 0, 0, 0], 8), ([100, 64, 0, 0], 10), ([127, 0, 0, 0], 8), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)];

const V4_NEVER: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),
    // The metadata service of Alibaba Cloud lies within the shared address space.
    ([100, 100, 100, 200], 32),
    // Azure's wire server has a public address.
    ([168, 63, 129, 16], 32),
    // Link-local, with the metadata services of most clouds.
    ([169, 254, 0, 0], 16),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 175, 48, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// IPv6 ranges by first address and prefix length, within the global unicast space `2000::/3`.
const V6_NEVER: &[(u128, u32)] = &[
    // Protocol assignments: Teredo, benchmarking, ORCHID.
    (0x2001_0000 << 96, 23),
    (0x2001_0db8 << 96, 32),
    // 6to4 carries an IPv4 address that a relay would unwrap.
    (0x2002 << 112, 16),
    (0x3fff << 112, 20),
];

/// Where the metadata service of EC2 is in IPv6.
const EC2_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254);

/// Judges an address.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Reach {
    let bits = u32::from(address);
    let within = |ranges: &[([u8; 4], u32)]| {
        ranges.iter().any(|(first, length)| {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            bits & mask == u32::from(Ipv4Addr::from(*first))
        })
    };
    if within(V4_NEVER) {
        Reach::Never
    } else if within(V4_PRIVATE) {
        Reach::Private
    } else {
        Reach::Global
    }
}

fn v6(address: Ipv6Addr) -> Reach {
    let bits = u128::from(address);
    let within = |first: u128, length: u32| bits & u128::MAX.checked_shl(128 - length).unwrap_or(0) == first;
    if address == Ipv6Addr::LOCALHOST {
        return Reach::Private;
    }
    if address == EC2_V6 {
        return Reach::Never;
    }
    if let Some(carried) = address.to_ipv4_mapped() {
        return v4(carried);
    }
    // The well-known prefix of NAT64 is how an IPv6-only network reaches the IPv4 internet (RFC 6052).
    if within(0x0064_ff9b << 96, 96) {
        return v4(last_four(address));
    }
    // Unique local addresses.
    if within(0xfc00 << 112, 7) {
        return Reach::Private;
    }
    let global = within(0x2000 << 112, 3) && !V6_NEVER.iter().any(|(first, length)| within(*first, *length));
    if global { Reach::Global } else { Reach::Never }
}

fn last_four(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}
