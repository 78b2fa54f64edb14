import AMQP
import Candlepost
import Postgres
import ProgramRuntime

/// What the relay is told. The initialiser reads every setting, once, and throws at start.
struct RelaySettings: Sendable {
    /// Names this process in the ledger and at the servers.
    let name: String
    let broker: AMQPConfiguration
    let queue: QueueDeclaration
    /// The most rows that are published and not yet in the ledger.
    let windowSize: Int
    /// How many messages of a market and kind may be unconfirmed. Should the broker refuse one, all behind it are sent again.
    let unconfirmedPerMarket: Int
    let pollInterval: Duration
    /// How long what is done with stays in the log; nil for ever.
    let retention: Duration?
    /// How long what is kept for people stays.
    let kept: Retention.Kept
    let recordRetention: RecordRetention
    let database: PostgresConfiguration

    /// - Throws: ``SettingError`` for the first setting that is wrong.
    init(_ settings: SettingsReader) throws(SettingError) {
        name = Program.identity
        database = try settings.database(applicationName: "candlepost relay")
        broker = try settings.broker(connectionName: "candlepost relay \(name)")
        queue = QueueDeclaration(
            name: try settings.read(Self.queueSetting), type: try settings.read(BrokerSettings.queueType))
        windowSize = try settings.read(Self.batchSizeSetting)
        unconfirmedPerMarket = try settings.read(Self.unconfirmedSetting)
        pollInterval = try settings.read(Self.pollSetting)
        retention = try settings.read(Self.retentionSetting)
        kept = try Retention.Kept(settings)
        recordRetention = try settings.read(RecordRetention.setting)
    }

    // MARK: the table

    static let queueSetting = Setting.text(
        "WS_PRICING_QUEUE", flag: "--queue", default: "ws.pricing-notifications",
        allowed: "a queue name of 1 to 255 bytes", help: "the queue that the gateway reads")
    static let windowSizes = 32...10_000
    static let batchSizeSetting = Setting.integer(
        "RELAY_BATCH_SIZE", flag: "--batch-size", default: 1000, in: windowSizes, unit: "messages",
        help: "the publishing window: what a hard fault can repeat at most")
    static let unconfirmedSetting = Setting.integer(
        "RELAY_UNCONFIRMED_PER_MARKET", flag: "--unconfirmed-per-market", default: 64, in: 1...1000, unit: "messages",
        help: "should the broker refuse one, it is sent again with all behind it; with 1 none ever overtakes")
    static let pollSetting = Setting.milliseconds(
        "RELAY_POLL_MS", flag: "--poll-ms", default: .seconds(1), in: .milliseconds(10)...(.seconds(60)),
        help: "how often to look for rows when the doorbell is silent")
    static let retentionSetting = Setting.durationOrOff(
        "OUTBOX_RETENTION", flag: "--retention", default: .seconds(7 * 86_400),
        in: .seconds(3600)...(.seconds(3650 * 86_400)),
        help: "how long what is published or superseded stays in the outbox")
    static let quarantineRetentionSetting = keptSetting(
        "QUARANTINE_RETENTION", flag: "--quarantine-retention", days: 90,
        help: "how long messages that have left quarantine stay")
    static let conflictsRetentionSetting = keptSetting(
        "CONFLICTS_RETENTION", flag: "--conflicts-retention", days: 90,
        help: "how long duplicates with other content stay")
    static let actsRetentionSetting = keptSetting(
        "ACTS_RETENTION", flag: "--acts-retention", days: 365, help: "how long acts of operators on the outbox stay")

    private static func keptSetting(_ name: String, flag: String, days: Int, help: String) -> Setting<Duration?> {
        .durationOrOff(
            name, flag: flag, default: .seconds(days * 86_400), in: .seconds(86_400)...(.seconds(3650 * 86_400)),
            help: help)
    }

    static let http = Setting.bindAddress(
        "RELAY_HTTP", flag: "--http", default: "127.0.0.1:9465", help: "where probes and metrics are answered")

    static let all: [AnySetting] = [
        CommonSettings.databaseURL, CommonSettings.brokerURL, queueSetting, batchSizeSetting, unconfirmedSetting,
        pollSetting, retentionSetting, quarantineRetentionSetting, conflictsRetentionSetting, actsRetentionSetting,
        RecordRetention.setting, BrokerSettings.queueType, BrokerSettings.plaintext, http, http.token,
        CommonSettings.shutdownTimeout,
        CommonSettings.logLevel,
        CommonSettings.logFormat,
    ]
}
