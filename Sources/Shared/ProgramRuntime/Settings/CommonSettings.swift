public import Logging

/// The settings that both programs share; each program adds its own.
public enum CommonSettings {
    /// Where PostgreSQL is. No default, so that nobody writes into the wrong database by accident.
    public static let databaseURL = Setting.secret(
        "DATABASE_URL", default: nil, defaultText: nil, allowed: "a libpq URI or conninfo, several hosts allowed",
        help: "where PostgreSQL is")

    /// Where RabbitMQ is.
    public static let brokerURL = Setting.secret(
        "AMQP_URL", default: nil, defaultText: nil, allowed: "amqp:// or amqps:// URLs separated by commas",
        help: "where RabbitMQ is; several are tried in turn")

    /// The least severe level that is logged.
    public static let logLevel = Setting<Logger.Level>.choice(
        "LOG_LEVEL", flag: "--log-level", default: .info, help: "the least severe level that is logged",
        hasFileVariant: true)

    /// How log lines look.
    public static let logFormat = Setting<LogFormat>.choice(
        "LOG_FORMAT", flag: "--log-format", default: nil, defaultText: "text on a terminal, else json",
        help: "how log lines look")

    /// How long a stop waits for work in flight.
    public static let shutdownTimeout = Setting.duration(
        "SHUTDOWN_TIMEOUT", flag: "--shutdown-timeout", default: .seconds(20), in: .seconds(1)...(.seconds(600)),
        help: "how long a stop waits for work in flight")
}
