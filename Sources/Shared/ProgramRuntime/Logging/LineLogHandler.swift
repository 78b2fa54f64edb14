public import Logging
import Synchronization

/// Writes each log event as one line; see ``LogFormat``.
public struct LineLogHandler: LogHandler {
    /// The level of the program (``ProgramLog/readLevel(_:)``), unless this logger was given one of its own.
    public var logLevel: Logger.Level {
        get { ownLevel ?? ProgramLog.level.withLock { $0 } }
        set { ownLevel = newValue }
    }

    private var ownLevel: Logger.Level?
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: LogFormat
    private let colour: Bool
    private let sink: LogSink
    private let clock: @Sendable () -> String

    /// - Parameters:
    ///   - label: The name of the logger, as it appears on each JSON line.
    ///   - level: The least severe level; nil for that of the program, which may change.
    ///   - colour: Whether text lines have their level coloured.
    ///   - sink: Where the lines go.
    public init(label: String, format: LogFormat, level: Logger.Level?, colour: Bool, sink: LogSink) {
        self.init(label: label, format: format, level: level, colour: colour, sink: sink, clock: LogTime.now)
    }

    init(
        label: String, format: LogFormat, level: Logger.Level?, colour: Bool, sink: LogSink,
        clock: @escaping @Sendable () -> String
    ) {
        self.label = label
        self.format = format
        ownLevel = level
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
