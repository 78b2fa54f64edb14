import Dispatch
import Glibc

/// What a program's HTTP endpoint answers.
struct HTTPReply: Sendable {
    let status: Int
    let body: String

    /// Asks a port of this machine; nil when nobody answers within two seconds.
    static func get(_ path: String, port: UInt16) async -> HTTPReply? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: ask(path, port: port)) }
        }
    }

    private static func ask(_ path: String, port: UInt16) -> HTTPReply? {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var limit = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        let request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        guard isConnected, send(file, request, request.utf8.count, Int32(MSG_NOSIGNAL)) > 0 else {
            return nil
        }
        return parse(readAll(file))
    }

    private static func readAll(_ file: Int32) -> [UInt8] {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(file, &buffer, buffer.count), count > 0 { answer += buffer[..<count] }
        return answer
    }

    private static func parse(_ answer: [UInt8]) -> HTTPReply? {
        let text = String(decoding: answer, as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 "), let status = Int(text.dropFirst(9).prefix(3)),
            let end = text.firstRange(of: "\r\n\r\n")
        else { return nil }
        return HTTPReply(status: status, body: String(text[end.upperBound...]))
    }
}
