/// Decides when to send a heartbeat and when to give the broker up. Does no I/O and reads no clock.
struct HeartbeatClock {
    enum Action: Equatable {
        case nothing
        case sendHeartbeat
        case giveUp
    }

    /// The negotiated interval; nil when the broker wants no heartbeats.
    let interval: Duration?
    private var lastRead: ContinuousClock.Instant
    private var lastWrite: ContinuousClock.Instant
    private var isReading = true

    init(interval: Duration?, now: ContinuousClock.Instant) {
        self.interval = interval
        lastRead = now
        lastWrite = now
    }

    mutating func didRead(at now: ContinuousClock.Instant) { lastRead = now }

    mutating func didWrite(at now: ContinuousClock.Instant) { lastWrite = now }

    /// While this program does not read, the broker's silence means nothing: it is counted from the resumption on.
    mutating func setReading(_ reading: Bool, at now: ContinuousClock.Instant) {
        if reading && !isReading { lastRead = now }
        isReading = reading
    }

    /// - Parameter unsent: whether bytes wait for the socket already, so that a heartbeat would only queue behind them.
    func action(at now: ContinuousClock.Instant, unsent: Bool) -> Action {
        guard let interval else { return .nothing }
        if isReading && now >= lastRead + interval * 2 { return .giveUp }
        if !unsent && now >= lastWrite + interval / 2 { return .sendHeartbeat }
        return .nothing
    }

    /// When ``action(at:unsent:)`` may have something to do next.
    func deadline(unsent: Bool) -> ContinuousClock.Instant? {
        guard let interval else { return nil }
        let write = unsent ? nil : lastWrite + interval / 2
        let read = isReading ? lastRead + interval * 2 : nil
        guard let write, let read else { return write ?? read }
        return min(write, read)
    }
}
