import Glibc

/// Writing to a descriptor without the buffers of C or Foundation.
public enum StandardStream {
    /// Writes everything, also through interruptions; what a closed or broken stream refuses is lost.
    public static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0), to: descriptor) }
    }

    /// Writes a line to standard output, in step with what listings write there.
    public static func line(_ text: String = "") { write(text + "\n", to: STDOUT_FILENO) }

    /// Writes everything, also through interruptions; what a closed or broken stream refuses is lost.
    public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if errno == EAGAIN {
                guard waitUntilWritable(descriptor) else { return }
            } else if errno != EINTR {
                return
            }
        }
    }

    /// A reader that takes nothing for a second loses the line: a log must not stop the service.
    private static func waitUntilWritable(_ descriptor: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&entry, 1, 1000) > 0
    }
}
