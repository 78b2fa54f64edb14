import Glibc

/// One request to a collector, over a connection of its own. Blocks its thread.
struct TracePost: Sendable {
    private let endpoint: TraceSettings.Endpoint
    private let timeout: Duration
    private let message: [UInt8]

    init(_ settings: TraceSettings, timeout: Duration, body: [UInt8]) {
        endpoint = settings.endpoint
        self.timeout = timeout
        var head = "POST \(endpoint.path) HTTP/1.1\r\nHost: \(endpoint.host):\(endpoint.port)\r\n"
        head += "Content-Type: application/x-protobuf\r\nContent-Length: \(body.count)\r\nConnection: close\r\n"
        for (name, value) in settings.headers.sorted(by: { $0.key < $1.key }) where !Self.breaks(name + value) {
            head += "\(name): \(value)\r\n"
        }
        message = Array((head + "\r\n").utf8) + body
    }

    /// A line break in a header would begin another one.
    private static func breaks(_ text: String) -> Bool { text.utf8.contains { $0 < 0x20 } }

    /// - Returns: what went wrong; nil if the collector took it, or some of it: what it refuses must not be sent again.
    func send() -> String? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(endpoint.host, "\(endpoint.port)", &hints, &found)
        guard status == 0 else { return "\(endpoint.host): \(String(cString: gai_strerror(status)))" }
        defer { freeaddrinfo(found) }
        var problem = "no address"
        var next = found
        while let address = next {
            switch exchange(address.pointee) {
            case .success(let answer): return answer
            case .failure(let error): problem = error.text
            }
            next = address.pointee.ai_next
        }
        return problem
    }

    private struct Unreachable: Error {
        let text: String
    }

    private func exchange(_ address: addrinfo) -> Result<String?, Unreachable> {
        let file = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return .failure(Unreachable(text: String(cString: strerror(errno)))) }
        defer { close(file) }
        let (seconds, attoseconds) = timeout.components
        var limit = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            setsockopt(file, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard connect(file, address.ai_addr, address.ai_addrlen) == 0, sendAll(file) else {
            return .failure(Unreachable(text: String(cString: strerror(errno))))
        }
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = recv(file, &buffer, buffer.count, 0)
        let line = String(decoding: buffer.prefix(max(0, count)).prefix { $0 != 13 }, as: UTF8.self)
        let isTaken = line.hasPrefix("HTTP/1.1 2") || line.hasPrefix("HTTP/1.0 2")
        return .success(isTaken ? nil : "the collector says: \(line)")
    }

    private func sendAll(_ file: Int32) -> Bool {
        var rest = message[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
