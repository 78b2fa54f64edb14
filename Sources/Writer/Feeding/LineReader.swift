import Dispatch
import Glibc

/// Reads a file or standard input in pieces that end at line ends, without blocking the cooperative pool.
struct LineReader {
    /// Could not be opened or read.
    struct ReadError: Error, CustomStringConvertible {
        let description: String
    }

    private static let pieceSize = 1 << 18
    private let file: Int32
    private let queue = DispatchQueue(label: "line-reader")
    private var rest: [UInt8] = []
    private var isAtEnd = false

    /// - Parameter path: `-` for standard input.
    init(path: String) throws(ReadError) {
        file = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw ReadError(description: String(cString: strerror(errno))) }
    }

    /// The next piece: whole lines, the last of the file perhaps without its end. Nil at the end.
    mutating func next() async throws -> [UInt8]? {
        while !isAtEnd {
            let read = try await read()
            isAtEnd = read.isEmpty
            rest += read
            guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { continue }
            let piece = Array(rest[...end])
            rest.removeSubrange(...end)
            return piece
        }
        defer { rest = [] }
        return rest.isEmpty ? nil : rest
    }

    private func read() async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [file] in
                var failure: Int32?
                let bytes = [UInt8](unsafeUninitializedCapacity: Self.pieceSize) { buffer, count in
                    var result = Glibc.read(file, buffer.baseAddress, Self.pieceSize)
                    while result < 0 && errno == EINTR {
                        result = Glibc.read(file, buffer.baseAddress, Self.pieceSize)
                    }
                    if result < 0 { failure = errno }
                    count = max(0, result)
                }
                if let failure {
                    continuation.resume(throwing: ReadError(description: String(cString: strerror(failure))))
                } else {
                    continuation.resume(returning: bytes)
                }
            }
        }
    }
}
