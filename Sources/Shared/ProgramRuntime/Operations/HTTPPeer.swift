import Glibc

/// Where a connection comes from, as fine as places are shared out: an IPv4 address, or the network of an IPv6 address,
/// whose holder has all 2⁶⁴ addresses of it.
struct HTTPPeer: Hashable {
    /// The address, or its first 64 bits.
    let network: UInt64
    /// Whether it is a program of this machine.
    let isLoopback: Bool

    init(network: UInt64, isLoopback: Bool) {
        self.network = network
        self.isLoopback = isLoopback
    }

    /// - Parameter address: Of either family, as `accept(2)` leaves it.
    init(_ address: sockaddr_in6) {
        if address.sin6_family == sa_family_t(AF_INET) {
            // The IPv4 address lies where the flow of the other family does.
            self.init(v4: UInt32(bigEndian: address.sin6_flowinfo))
            return
        }
        let bytes = withUnsafeBytes(of: address.sin6_addr) { Array($0) }
        let words = stride(from: 0, to: 16, by: 4).map { place in
            bytes[place..<place + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        if words[0] == 0, words[1] == 0, words[2] == 0xFFFF {
            self.init(v4: words[3])
        } else {
            self.init(
                network: UInt64(words[0]) << 32 | UInt64(words[1]),
                isLoopback: words[0] == 0 && words[1] == 0 && words[2] == 0 && words[3] == 1)
        }
    }

    private init(v4 address: UInt32) { self.init(network: UInt64(address), isLoopback: address >> 24 == 127) }
}
