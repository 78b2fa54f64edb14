import AMQP
import Candlepost
import Postgres
import ProgramRuntime

/// What the console is told. The initialiser reads every setting, once, and throws at start.
struct ConsoleSettings: Sendable {
    let address: BindAddress
    /// Names beside the address by which browsers may ask for it.
    let hosts: [String]
    /// By which other machines may read the metrics.
    let metricsToken: String?
    /// Where traces are looked at; nil for nowhere.
    let traces: TraceLink?
    /// Whether bodies of events are shown.
    let showsBodies: Bool
    /// How people are known.
    let access: Access
    /// What acts need; nil where the console only reads.
    let acting: Acting?
    /// Reads, as a role that can do nothing else.
    let database: PostgresConfiguration

    /// - Throws: ``SettingError`` for the first setting that is wrong.
    init(_ settings: SettingsReader) throws(SettingError) {
        address = try settings.read(Self.http)
        hosts = try settings.readIfSet(Self.hostsSetting) ?? []
        var database = try settings.database(applicationName: "candlepost console")
        database.replyTimeout = .seconds(10)
        database.maximumReplyBytes = 16 << 20
        self.database = database
        showsBodies = try settings.read(Self.showBodies) == .yes
        traces = try settings.readIfSet(TraceLink.setting)
        metricsToken = try settings.readIfSet(Self.http.token)
        access = try Access(settings)
        acting = try Acting(settings)
        guard acting == nil || access.isThere else {
            throw SettingError(
                setting: Self.operatorURL.name,
                problem:
                    "needs somebody who may act: set CONSOLE_TOKENS_FILE, or CONSOLE_TRUSTED_HEADER and CONSOLE_PROXY_SECRET"
            )
        }
        guard address.isLoopback || access.isThere else {
            throw SettingError(
                setting: Self.http.name,
                problem: "is \"\(address)\", which other machines can reach, but may be so only where people sign in: "
                    + "set CONSOLE_TOKENS_FILE, or CONSOLE_TRUSTED_HEADER and CONSOLE_PROXY_SECRET")
        }
    }

    /// What acts need.
    struct Acting: Sendable {
        /// As a role that may do what operators do.
        let database: PostgresConfiguration
        /// Where rows are published; nil where none are.
        let broker: AMQPConfiguration?
        let queue: QueueDeclaration
        let maximumMessageBytes: Int

        /// - Throws: ``SettingError``. Nothing without `CONSOLE_OPERATOR_URL`.
        init?(_ settings: SettingsReader) throws(SettingError) {
            guard try settings.readIfSet(operatorURL) != nil else { return nil }
            var database = try settings.database(applicationName: "candlepost console act", setting: operatorURL)
            database.replyTimeout = .seconds(3600)
            self.database = database
            broker =
                try settings.readIfSet(CommonSettings.brokerURL) == nil
                ? nil : try settings.broker(connectionName: "candlepost console \(Program.identity)")
            queue = QueueDeclaration(
                name: try settings.read(queueSetting), type: try settings.read(BrokerSettings.queueType))
            maximumMessageBytes = try settings.read(maximumMessageSetting)
        }
    }

    // MARK: the table

    static let http = Setting.bindAddress(
        "CONSOLE_HTTP", flag: "--http", default: "127.0.0.1:9466", help: "where the pages are served")
    static let hostsSetting = Setting<[String]>(
        "CONSOLE_HOSTS", flag: "--hosts", default: nil, defaultText: "none",
        allowed: "host names separated by commas",
        help: "names, beside numeric addresses and localhost, by which browsers may ask for the pages"
    ) { text in
        let names = CommaList.split(text).map { $0.lowercased() }
        let isFine = names.allSatisfy { name in
            !name.isEmpty && name.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789.-_".utf8.contains($0) }
        }
        return isFine ? names : nil
    }

    static let operatorURL = Setting.secret(
        "CONSOLE_OPERATOR_URL", default: nil, defaultText: "nothing can be done, only looked at",
        allowed: "a libpq URI or conninfo", help: "the database as a role that may act; needs people who sign in")
    static let queueSetting = Setting.text(
        "WS_PRICING_QUEUE", flag: "--queue", default: "ws.pricing-notifications",
        allowed: "a queue name of 1 to 255 bytes", help: "the queue that the gateway reads, where replays go")
    static let maximumMessageSetting = Setting.integer(
        "WRITER_MAX_MESSAGE_BYTES", flag: "--max-message-bytes", default: 8 << 20, in: 1024...134_217_728,
        unit: "bytes", help: "the writer's limit, for messages that are requeued")

    enum YesOrNo: String, CaseIterable, Sendable { case yes, no }

    static let showBodies = Setting<YesOrNo>.choice(
        "CONSOLE_SHOW_BODIES", flag: "--show-bodies", default: .no,
        help: "whether the body of an event can be looked at; each look stands in the log")

    static let all: [AnySetting] = [
        CommonSettings.databaseURL, http, http.token, hostsSetting, Access.tokensSetting, Access.headerSetting,
        Access.secretSetting,
        operatorURL, CommonSettings.brokerURL, queueSetting, BrokerSettings.queueType, BrokerSettings.plaintext,
        maximumMessageSetting, TraceLink.setting, showBodies, CommonSettings.shutdownTimeout, CommonSettings.logLevel,
        CommonSettings.logFormat,
    ]
}
