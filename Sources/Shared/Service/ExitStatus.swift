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
    public func exit() -> Never { Glibc.exit(rawValue) }
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
