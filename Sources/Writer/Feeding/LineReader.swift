import Dispatch
import Glibc

/// Reads a file or standard input, compressed by gzip or not, in pieces that end at line ends, without blocking the cooperative pool.
struct LineReader {
    /// Could not be opened or read.
    struct ReadError: Error, CustomStringConvertible {
        let description: String
    }

    /// Of compressed input, a thousand times as much may come of one piece.
    private static let pieceSize = 1 << 16
    /// The longest line: more than any message that the broker or the writer takes.
    static let longestLine = 134_217_728
    private let file: Int32
    private let queue = DispatchQueue(label: "line-reader")
    private var rest: [UInt8] = []
    private var gunzip: Gunzip?
    private var isFirst = true
    private var isAtEnd = false

    /// - Parameter path: `-` for standard input.
    init(path: String) throws(ReadError) {
        file = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw ReadError(description: String(cString: strerror(errno))) }
        guard path == "-" || size != nil else {
            throw ReadError(description: "not a regular file; a pipe or a device is read as standard input: feed - < …")
        }
    }

    /// The size in bytes; nil for what is not a plain file.
    var size: Int? {
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// The size of what is read; nil where the size of the file says nothing of it.
    var total: Int? {
        var start: [UInt8] = [0, 0]
        let isCompressed = pread(file, &start, 2, 0) == 2 && start == Gunzip.magic
        return isCompressed ? nil : size
    }

    /// The next piece: whole lines, the last of the file perhaps without its end. Nil at the end.
    mutating func next() async throws -> [UInt8]? {
        while !isAtEnd {
            let read = try await read()
            isAtEnd = read.isEmpty
            let searched = rest.count
            rest += try expanded(read)
            guard rest.count <= Self.longestLine else {
                throw ReadError(
                    description: "a line is longer than \(Self.longestLine) bytes: this is no file of messages")
            }
            guard let end = rest[searched...].lastIndex(of: UInt8(ascii: "\n")) else { continue }
            let piece = Array(rest[...end])
            rest.removeSubrange(...end)
            return piece
        }
        defer { rest = [] }
        return rest.isEmpty ? nil : rest
    }

    /// The bytes as they are, or what they hold where the stream begins as gzip does.
    private mutating func expanded(_ bytes: [UInt8]) throws(ReadError) -> [UInt8] {
        if isFirst, bytes.starts(with: Gunzip.magic) { gunzip = try Gunzip() }
        isFirst = false
        guard let gunzip else { return bytes }
        guard !bytes.isEmpty else {
            try gunzip.finish()
            return []
        }
        return try gunzip.expand(bytes)
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
