import Glibc

/// The process could not get what a connection's thread needs.
public struct ThreadStartError: Error, CustomStringConvertible {
    /// What could not be had, with its article.
    public let missing: String
    /// The `errno` of the failed call.
    public let code: Int32

    public var description: String {
        "cannot get \(missing) for a new connection: \(String(cString: strerror(code))) (raise the limit of open files and threads)"
    }
}
