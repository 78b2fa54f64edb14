import Glibc
public import Logging
import Synchronization

/// How log lines look.
public enum LogFormat: String, CaseIterable, Sendable {
    /// For people: time, level, message, `key=value`.
    case text
    /// For machines: one JSON object on each line.
    case json

    /// Text on a terminal, JSON otherwise.
    public static var automatic: LogFormat { isatty(STDERR_FILENO) == 1 ? .text : .json }
}

/// Starting the log of a program.
public enum ProgramLog {
    /// Sends every `Logger` of the process to standard error, as `LOG_LEVEL` and `LOG_FORMAT` say. Call it once.
    /// - Parameter program: The name of the logger that is returned.
    /// - Throws: ``SettingError`` when one of the two settings is wrong; then nothing has changed.
    public static func start(program: String, settings: SettingsReader) throws(SettingError) -> Logger {
        try readLevel(settings)
        let format = try settings.readIfSet(CommonSettings.logFormat) ?? .automatic
        let colour = isatty(STDERR_FILENO) == 1 && getenv("NO_COLOR") == nil
        LoggingSystem.bootstrap { label in
            LineLogHandler(label: label, format: format, level: nil, colour: colour, sink: .standardError)
        }
        return Logger(label: program)
    }

    /// Takes the level as it is set now, for every logger that was not given one of its own.
    /// - Throws: ``SettingError`` when it is wrong; then nothing has changed.
    public static func readLevel(_ settings: SettingsReader) throws(SettingError) {
        let read = try settings.read(CommonSettings.logLevel)
        level.withLock { $0 = read }
    }

    static let level = Mutex(Logger.Level.info)
}
