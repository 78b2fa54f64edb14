public import Logging

/// Writes each log event as one line; see ``LogFormat``.
public struct LineLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: LogFormat
    private let colour: Bool
    private let sink: LogSink
    private let clock: @Sendable () -> String

    /// - Parameters:
    ///   - label: The name of the logger, as it appears on each JSON line.
    ///   - colour: Whether text lines have their level coloured.
    ///   - sink: Where the lines go.
    public init(label: String, format: LogFormat, level: Logger.Level, colour: Bool, sink: LogSink) {
        self.init(label: label, format: format, level: level, colour: colour, sink: sink, clock: Timestamp.now)
    }

    init(
        label: String, format: LogFormat, level: Logger.Level, colour: Bool, sink: LogSink,
        clock: @escaping @Sendable () -> String
    ) {
        self.label = label
        self.format = format
        self.logLevel = level
        self.colour = colour
        self.sink = sink
        self.clock = clock
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        let line = LogLine(time: clock(), logger: label, event: event, metadata: all)
        sink.write(format == .json ? line.json : line.text(colour: colour))
    }
}
