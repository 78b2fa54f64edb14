import Glibc

/// The addresses of a host name. libpq would try them one after the other within one time limit, so that the first dead one
/// uses up the time of all.
enum HostAddresses {
    /// The options once for each address of their host; as they are where the host is none to look up, or is not found: then
    /// libpq says so.
    static func expand(_ options: [String: String]) -> [[String: String]] {
        guard let host = options["host"], !host.isEmpty, !host.hasPrefix("/"), !host.hasPrefix("@"),
            !host.contains(","), (options["hostaddr"] ?? "").isEmpty
        else { return [options] }
        let addresses = lookUp(host)
        return addresses.isEmpty ? [options] : addresses.map { options.merging(["hostaddr": $0]) { $1 } }
    }

    /// In the order in which they should be tried, each once.
    static func lookUp(_ host: String) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let info = next?.pointee {
            next = info.ai_next
            if let text = numeric(info), !addresses.contains(text) { addresses.append(text) }
        }
        return addresses
    }

    private static func numeric(_ info: addrinfo) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { text in
            guard
                getnameinfo(
                    info.ai_addr, info.ai_addrlen, text.baseAddress, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            else { return nil }
            return text.baseAddress.map { String(cString: $0) }
        }
    }
}
