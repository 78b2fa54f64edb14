import Dispatch
import Glibc

/// Asks the service on this machine whether it is ready: for health checks in images that have no curl.
public enum HealthProbe {
    /// Ends with 0 if `/readyz` of the service at this address says ready.
    /// - Throws: ``CommandExit`` with 1 and the answer if it is not ready, with 69 if nobody answers within 3 s.
    public static func run(_ address: BindAddress) async throws {
        let answer = await withCheckedContinuation { continuation in
            DispatchQueue(label: "health").async { continuation.resume(returning: ask(address)) }
        }
        guard let answer else { throw CommandExit(.unavailable, "nobody answers at \(address)") }
        guard answer.hasPrefix("HTTP/1.1 200") else {
            let lines = answer.split(separator: "\r\n\r\n", maxSplits: 1)
            throw CommandExit(.no, lines.count > 1 ? String(lines[1]) : "not ready")
        }
        StandardStream.line("ready")
    }

    private static func ask(_ address: BindAddress) -> String? {
        address.withSockaddr { pointer, length -> String? in
            let file = socket(Int32(pointer.pointee.sa_family), Int32(SOCK_STREAM.rawValue), 0)
            guard file >= 0 else { return nil }
            defer { close(file) }
            var limit = timeval(tv_sec: 3, tv_usec: 0)
            setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            guard connect(file, pointer, length) == 0, send(file, request, request.utf8.count, 0) > 0 else {
                return nil
            }
            var answer: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            let end = ContinuousClock.now + .seconds(3)
            while answer.count < 65_536, .now < end, case let count = read(file, &buffer, buffer.count), count > 0 {
                answer += buffer[..<count]
            }
            return answer.isEmpty ? nil : String(decoding: answer, as: UTF8.self)
        }
    }
}
