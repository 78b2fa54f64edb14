/// Checks that the frames of one channel come in the order of the protocol: a message is its method, its header, and bodies
/// up to the size that the header says; nothing of the same channel comes in between. Does no I/O.
struct ContentOrder: Equatable {
    /// The frames came in an order that the protocol does not know.
    struct Violation: Error, Equatable {}

    private enum Stage: Equatable {
        case idle
        case awaitingHeader
        case awaitingBody(missing: UInt64)
    }

    private var stage = Stage.idle

    /// - Returns: whether the message that this frame belongs to is now complete.
    mutating func take(_ frame: IncomingFrame) throws(Violation) -> Bool {
        switch (stage, frame) {
        case (.idle, .deliver), (.idle, .returned): stage = .awaitingHeader
        case (.awaitingHeader, .header(let header)):
            stage = header.size == 0 ? .idle : .awaitingBody(missing: header.size)
            return header.size == 0
        case (.awaitingBody(let missing), .body(let bytes)) where bytes.count <= missing:
            stage = missing == bytes.count ? .idle : .awaitingBody(missing: missing - UInt64(bytes.count))
            return missing == bytes.count
        // A broker that closes the channel has its reason, whatever it was about to say.
        case (_, .channelClose): stage = .idle
        case (.idle, .header), (.idle, .body): throw Violation()
        case (.idle, _): break
        default: throw Violation()
        }
        return false
    }
}
