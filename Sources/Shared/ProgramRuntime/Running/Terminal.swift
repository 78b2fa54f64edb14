import Glibc

/// What standard output is.
public struct Terminal: Sendable {
    /// Whether it is a terminal at all.
    public let isThere: Bool
    /// Whether colours help there: not where `NO_COLOR` is set, nor on a terminal without any.
    public let isColoured: Bool

    public static var standardOutput: Terminal {
        let isThere = isatty(STDOUT_FILENO) == 1
        let kind = getenv("TERM").map { String(cString: $0) } ?? "dumb"
        return Terminal(isThere: isThere, isColoured: isThere && getenv("NO_COLOR") == nil && kind != "dumb")
    }

    /// How large it is now; 80 by 40 where it does not say.
    public var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 40)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
