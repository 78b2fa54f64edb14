import Glibc
import Synchronization

/// Where finished log lines go.
public struct LogSink: Sendable {
    let write: @Sendable (String) -> Void

    /// - Parameter write: Gets each line whole, with its line end; called from any thread.
    public init(write: @escaping @Sendable (String) -> Void) {
        self.write = write
    }

    /// Standard error: one `write(2)` for each line, and a line at a time, because the system promises whole writes
    /// into a pipe only up to 4 KiB.
    public static let standardError = LogSink { line in
        standardErrorLock.withLock { _ in StandardStream.write(line, to: STDERR_FILENO) }
    }
}

private let standardErrorLock = Mutex(())
