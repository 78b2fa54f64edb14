extension BrokerLink {
    /// Logs in on a socket that was just connected.
    /// - Throws: ``AMQPError`` when the broker refuses, speaks another protocol, or has not done after the time.
    mutating func logIn(
        _ endpoint: AMQPEndpoint, _ configuration: AMQPConfiguration, channels: Int,
        until deadline: ContinuousClock.Instant
    ) throws(AMQPError) {
        outgoing.add(Array("AMQP".utf8) + [0, 0, 9, 1])
        server = try answer(to: "login", on: 0, until: deadline) { (frame) throws(AMQPError) -> BrokerVersion? in
            guard case .start(let mechanisms, let properties) = frame else { return nil }
            guard mechanisms.split(separator: UInt8(ascii: " ")).contains(where: { $0.elementsEqual("PLAIN".utf8) })
            else {
                throw AMQPError(.authenticationRefused, "the broker takes no passwords (mechanism PLAIN)")
            }
            return BrokerVersion(properties)
        }
        outgoing.add { $0.putStartOK(endpoint, name: configuration.connectionName) }
        let tuning = try refusedLogin { (link) throws(AMQPError) in
            try link.answer(to: "login", on: 0, until: deadline) { (frame) throws(AMQPError) in
                try Tuning(frame, channels: channels, heartbeat: configuration.heartbeat)
            }
        }
        outgoing.add { writer in
            writer.putTuneOK(tuning)
            writer.putOpen(virtualHost: endpoint.virtualHost)
        }
        try answer(to: "login", on: 0, until: deadline) { if case .openOK = $0 { () } else { nil } }
        clock = HeartbeatClock(interval: .seconds(Int(tuning.heartbeat)), now: .now)
    }

    private mutating func refusedLogin<Value>(
        _ body: (inout BrokerLink) throws(AMQPError) -> Value
    ) throws(AMQPError) -> Value {
        do throws(AMQPError) {
            return try body(&self)
        } catch {
            // Brokers that can't say so just end the connection.
            guard error.kind == .closedByBroker(403) else { throw error }
            throw AMQPError(.authenticationRefused, error.message)
        }
    }
}

/// Which release the broker is.
struct BrokerVersion: Equatable {
    /// 0 if it does not say.
    let major: Int
    /// As in `4.0.5`; at most 40 bytes.
    let text: String
}

extension BrokerVersion {
    /// - Parameter properties: what a broker says of itself when it is connected to.
    init(_ properties: HeaderTable) {
        var properties = properties
        var found = ""
        while let (name, value) = properties.next() {
            guard ("version" as StaticString).isSame(as: name), case .text(let text) = value, text.count <= 40 else {
                continue
            }
            found = text.text
            break
        }
        self.init(major: Int(found.prefix { $0 != "." }) ?? 0, text: found)
    }
}

/// What both sides keep to, from what each of them takes. Does no I/O.
struct Tuning: Equatable {
    let channels: UInt16
    let frameBytes: UInt32
    /// In seconds.
    let heartbeat: UInt16

    /// - Returns: nil for any other frame than connection.tune.
    /// - Throws: ``AMQPError`` if the broker allows less than this program needs.
    init?(_ frame: IncomingFrame, channels: Int, heartbeat: Duration) throws(AMQPError) {
        guard case .tune(let mostChannels, let mostBytes, let seconds) = frame else { return nil }
        guard mostChannels == 0 || Int(mostChannels) >= channels else {
            throw AMQPError(
                .closedByBroker(530), "the broker allows \(mostChannels) channels (channel_max), \(channels) are needed"
            )
        }
        guard mostBytes == 0 || mostBytes >= 4096 else { throw .violation("frames of at most \(mostBytes) bytes") }
        self.channels = UInt16(channels)
        frameBytes = min(mostBytes == 0 ? .max : mostBytes, UInt32(FrameBuffer.frameLimit))
        let wanted = UInt16(clamping: max(heartbeat.components.seconds, 1))
        self.heartbeat = seconds == 0 ? wanted : min(seconds, wanted)
    }
}

extension FrameWriter {
    fileprivate mutating func putStartOK(_ endpoint: AMQPEndpoint, name: String) {
        let frame = beginFrame(Self.method, channel: 0)
        put(MethodID.connectionStartOK)
        let properties = beginLength()
        putEntry("product", text: "Candlepost")
        putEntry("connection_name", text: name)
        putName("capabilities", kind: "F")
        let capabilities = beginLength()
        for capability in [
            "authentication_failure_close", "basic.nack", "connection.blocked", "consumer_cancel_notify",
            "publisher_confirms",
        ] {
            putName(capability, kind: "t")
            put(UInt8(1))
        }
        endLength(capabilities)
        endLength(properties)
        putShort("PLAIN")
        putLong("\0\(endpoint.user)\0\(endpoint.password)")
        putShort("en_US")
        endFrame(frame)
    }

    fileprivate mutating func putTuneOK(_ tuning: Tuning) {
        let frame = beginFrame(Self.method, channel: 0)
        put(MethodID.connectionTuneOK)
        put(tuning.channels)
        put(tuning.frameBytes)
        put(tuning.heartbeat)
        endFrame(frame)
    }

    fileprivate mutating func putOpen(virtualHost: String) {
        let frame = beginFrame(Self.method, channel: 0)
        put(MethodID.connectionOpen)
        putShort(virtualHost)
        put(UInt16(0))  // two fields that are reserved
        endFrame(frame)
    }
}
