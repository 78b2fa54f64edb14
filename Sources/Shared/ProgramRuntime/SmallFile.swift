import Glibc

/// Small files read whole: secrets, and the files of `/proc`.
enum SmallFile {
    /// Reads at most `limit` bytes.
    /// - Throws: ``SystemError`` when the file can't be opened or read.
    static func read(_ path: String, limit: Int = 65_536) throws(SystemError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SystemError(code: errno) }
        defer { close(file) }
        return try read(file, limit: limit)
    }

    static func read(_ file: Int32, limit: Int) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < limit {
            let count = Glibc.read(file, &buffer, min(buffer.count, limit - bytes.count))
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError(code: errno)
            }
            if count == 0 { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return bytes
    }

    /// Opens what must be a plain file: never waits for the other end of a pipe, and reads no device.
    /// - Returns: Its descriptor, for the caller to close, and what the system knows of it.
    static func openPlain(_ path: String) throws(SystemError) -> (descriptor: Int32, status: stat) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw SystemError(code: errno) }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            defer { close(file) }
            throw SystemError(code: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw SystemError(code: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : 0)
        }
        return (file, status)
    }

    /// The file as text, or nil when it can't be read.
    static func text(_ path: String) -> String? {
        (try? read(path)).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// Files of an operator read whole, up to a limit.
public enum InputFile {
    /// - Parameter limit: The most bytes that it may have.
    /// - Throws: ``CommandExit`` with 1 and one line that says why, for what is no plain file, too, and what is larger.
    public static func read(_ path: String, limit: Int) throws(CommandExit) -> [UInt8] {
        let bytes: [UInt8]
        do {
            let (file, _) = try SmallFile.openPlain(path)
            defer { close(file) }
            bytes = try SmallFile.read(file, limit: limit + 1)
        } catch {
            throw CommandExit(.no, "\(path) cannot be read: \(error)")
        }
        guard bytes.count <= limit else { throw CommandExit(.no, "\(path) has more than \(limit) bytes") }
        return bytes
    }
}

/// A system call failed, or a file is none (0); the description is in the words of the system, in lower case to stand within a sentence.
struct SystemError: Error, CustomStringConvertible {
    let code: Int32

    var description: String {
        guard code != 0 else { return "not a regular file" }
        var buffer = [CChar](repeating: 0, count: 256)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}
