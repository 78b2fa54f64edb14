import Glibc

extension AMQPEndpoint {
    /// One of the addresses that a name has.
    struct Address: Equatable, CustomStringConvertible {
        /// In numbers.
        var host: String
        var port: UInt16

        var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// What the name stands for, in the order of the system's preference. Blocks for as long as the system's resolver does.
    /// - Throws: ``AMQPError`` if there is no such name, or nobody who could be asked.
    func addresses() throws(AMQPError) -> [Address] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else {
            throw AMQPError(.connectFailed, "cannot look up the name: \(String(cString: gai_strerror(status)))")
        }
        defer { freeaddrinfo(list) }
        return sequence(first: list, next: { $0?.pointee.ai_next }).prefix { $0 != nil }.compactMap { entry in
            entry.flatMap { Self.numeric($0.pointee) }.map { Address(host: $0, port: port) }
        }
    }

    /// The address in numbers, if the host is not a name but one; `127.1` is one, too.
    var numericHost: String? {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return nil }
        defer { freeaddrinfo(list) }
        return list.flatMap { Self.numeric($0.pointee) }
    }

    private static func numeric(_ entry: addrinfo) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { text in
            let status = getnameinfo(
                entry.ai_addr, entry.ai_addrlen, text.baseAddress, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            return status == 0 ? text.baseAddress.map { String(cString: $0) } : nil
        }
    }
}
