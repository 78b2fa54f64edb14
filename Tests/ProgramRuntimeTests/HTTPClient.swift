import Dispatch
import Glibc

@testable import ProgramRuntime

/// A client that sends raw bytes and reads until the server closes, for at most 10 s. It blocks, but no thread of the
/// cooperative pool.
struct RawHTTPClient: Sendable {
    let address: BindAddress

    /// - Returns: What came back; empty when nothing did or the connection failed.
    func exchange(_ request: String, in pieces: Int = 1) async -> String {
        await onAnotherThread { exchangeNow(request, in: pieces) }
    }

    /// Opens connections, sends this on each and reads nothing; the caller closes them.
    func connect(times: Int, sending text: String) async -> [Int32] {
        await onAnotherThread {
            (0..<times).compactMap { _ in
                guard let descriptor = connect() else { return nil }
                if !text.isEmpty { _ = send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }
                return descriptor
            }
        }
    }

    private func onAnotherThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            // A queue of its own: the global ones share their few threads with the cooperative pool.
            DispatchQueue(label: "client").async { continuation.resume(returning: body()) }
        }
    }

    private func exchangeNow(_ request: String, in pieces: Int) -> String {
        guard let descriptor = connect() else { return "" }
        defer { close(descriptor) }
        let bytes = Array(request.utf8)
        let size = max(1, bytes.count / pieces)
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = bytes[start..<min(start + size, bytes.count)]
            _ = piece.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if pieces > 1 { usleep(2000) }
        }
        return receiveAll(from: descriptor)
    }

    func get(_ path: String, headers: String = "") async -> String {
        await exchange("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n")
    }

    /// The body that `GET` gives; nil unless the status is this.
    func body(of path: String, status: Int = 200) async -> String? {
        let answer = await get(path)
        guard answer.hasPrefix("HTTP/1.1 \(status) "), let end = answer.firstRange(of: "\r\n\r\n") else { return nil }
        return String(answer[end.upperBound...])
    }

    private func connect() -> Int32? {
        let descriptor = socket(address.isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard address.withSockaddr({ Glibc.connect(descriptor, $0, $1) }) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private func receiveAll(from descriptor: Int32) -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: received, as: UTF8.self) }
            received += buffer[..<count]
        }
    }
}
