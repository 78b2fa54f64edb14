import Glibc

/// How a program ends, for scripts and service managers.
public enum ExitStatus: Int32, Sendable, CaseIterable {
    /// What was asked for is done.
    case done = 0
    /// The answer is no, or what was asked for could not be done.
    case no = 1
    /// Wrong usage: an unknown command, flag or argument (`EX_USAGE`).
    case usage = 64
    /// A server is not there (`EX_UNAVAILABLE`).
    case unavailable = 69
    /// Wrong settings (`EX_CONFIG`).
    case configuration = 78

    /// Ends the process with this status.
    public func exit() -> Never { Self.exit(rawValue) }

    /// Ends the process as the signal would have: with 128 and its number.
    public static func exit(by signal: Int32) -> Never { exit(128 + signal) }

    /// Ends the process at once. Exit handlers do not run: that of OpenSSL frees what the threads of connections still use
    /// while they end, and a command that had done its work ended with SIGSEGV.
    static func exit(_ status: Int32) -> Never { _exit(status) }
}

/// An error that says how the program ends; its description is the one line that the operator reads.
public protocol ExitStatusError: Error {
    /// The status the program exits with.
    var exitStatus: ExitStatus { get }
}

/// Ends a command with a status and, if there is something to say, one line on standard error.
public struct CommandExit: ExitStatusError, CustomStringConvertible {
    public let exitStatus: ExitStatus
    /// The line; empty for none.
    public let description: String

    /// - Parameter message: One line for standard error; empty for none.
    public init(_ exitStatus: ExitStatus, _ message: String = "") {
        self.exitStatus = exitStatus
        description = message
    }
}
