import AMQP
import Candlepost
import Postgres
import ProgramRuntime
import Records
import Storing

/// What to do with an input queue that drops what came back too often.
enum DeliveryLimitPolicy: String, Sendable, CaseIterable {
    case warn, refuse, ignore
}

/// What the writer is told. The initialiser reads every setting, once, and throws at start.
struct WriterSettings: Sendable {
    /// Names this process in the ledger and at the servers.
    let name: String
    let database: PostgresConfiguration
    let broker: AMQPConfiguration
    /// Where to ask for what policies say of the queues.
    let management: ManagementAPI?
    /// The names of the kinds that are consumed; nil for all that there are.
    private let kindNames: [String]?
    private let queueType: QueueDeclaration.QueueType
    let batchSize: Int
    /// Bodies of a batch, in bytes together; the message that reaches it is the last.
    let batchBytes = 1 << 20
    let batchDelay: Duration
    let prefetch: UInt16
    /// How long messages that were taken may wait to be stored before they go back to their queues.
    let holdFor: Duration
    let deliveryLimit: DeliveryLimitPolicy
    let maximumMessageBytes: Int
    /// What becomes of messages whose record is stored with other content.
    let revisions: RevisionRules
    /// How long after its arrival a message of an unknown market is tried again by itself.
    let retryUnknownFor: Duration

    /// - Throws: ``SettingError`` for the first setting that is wrong.
    init(_ settings: SettingsReader) throws(SettingError) {
        name = Program.identity
        var database = try settings.database(applicationName: "candlepost writer")
        database.maximumReplyBytes = 8 << 20
        self.database = database
        var broker = try settings.broker(connectionName: "candlepost writer \(name)")
        broker.prefetchBytes = 32 << 20  // a few batches
        self.broker = broker
        management = try settings.management()
        kindNames = try settings.readIfSet(Self.kindsSetting)
        queueType = try settings.read(BrokerSettings.queueType)
        batchSize = try settings.read(Self.batchSizeSetting)
        batchDelay = try settings.read(Self.batchDelaySetting)
        prefetch = UInt16(try settings.read(Self.prefetchSetting))
        holdFor = try settings.read(Self.holdSetting)
        deliveryLimit = try settings.read(Self.deliveryLimitSetting)
        maximumMessageBytes = try settings.read(Self.maximumMessageSetting)
        revisions = try settings.read(RevisionRules.setting)
        retryUnknownFor = try settings.read(Self.retryUnknownSetting)
    }

    /// The kinds that are consumed, as indices into ``RecordKind/all``: those that are applied while the writer runs, too.
    var kinds: [Int] {
        let all = RecordKind.all
        guard let kindNames else { return Array(all.indices) }
        return kindNames.compactMap { name in all.firstIndex { $0.name == name } }
    }

    /// The input queues of these kinds, in their order.
    func queues(of kinds: [Int]) -> [QueueDeclaration] {
        let all = RecordKind.all
        return kinds.map { QueueDeclaration(name: all[$0].queue, type: queueType) }
    }

    /// Of all kinds that are consumed.
    var queues: [QueueDeclaration] { queues(of: kinds) }

    // MARK: the table

    static let kindsSetting = Setting<[String]>(
        "WRITER_KINDS", flag: "--kinds", default: nil,
        defaultText: "all", allowed: "some of \(RecordKind.all.map(\.name).joined(separator: ", "))",
        help: "the kinds of record to consume"
    ) { text in
        let names = CommaList.split(text)
        guard names.allSatisfy({ RecordKind.named($0) != nil }), Set(names).count == names.count else { return nil }
        return names
    }
    static let batchSizeSetting = Setting.integer(
        "WRITER_BATCH_SIZE", flag: "--batch-size", default: 500, in: 1...10_000, unit: "messages",
        help: "the most messages of one transaction")
    static let batchDelaySetting = Setting.milliseconds(
        "WRITER_BATCH_DELAY_MS", flag: "--batch-delay-ms", default: .zero, in: .zero...(.seconds(10)),
        help: "how long the first message of a batch waits for others")
    static let prefetchSetting = Setting.integer(
        "WRITER_PREFETCH", flag: "--prefetch", default: 2000, in: 1...65_535, unit: "messages",
        help: "the most unacknowledged messages of each queue; best twice the batch size or more")
    static let holdSetting = Setting.duration(
        "WRITER_HOLD_FOR", flag: "--hold-for", default: .seconds(300), in: .seconds(1)...(.seconds(1200)),
        help:
            "how long messages that can't be stored are kept before they go back to their queues, to be taken when they can"
    )
    static let deliveryLimitSetting = Setting<DeliveryLimitPolicy>.choice(
        "WRITER_DELIVERY_LIMIT", flag: "--delivery-limit", default: .warn,
        help: "what to do with an input queue that drops what came back too often; refuse does not consume it")
    static let maximumMessageSetting = Setting.integer(
        "WRITER_MAX_MESSAGE_BYTES", flag: "--max-message-bytes", default: 8 << 20, in: 1024...134_217_728,
        unit: "bytes", help: "a longer body goes into quarantine unread")
    static let retryUnknownSetting = Setting.duration(
        "WRITER_RETRY_UNKNOWN_FOR", flag: "--retry-unknown-for", default: .seconds(12 * 3600),
        in: .zero...(.seconds(366 * 86_400)),
        help: "how long a message of an unknown market waits in quarantine for its market to be imported")
    static let http = Setting.bindAddress(
        "WRITER_HTTP", flag: "--http", default: "127.0.0.1:9464", help: "where probes and metrics are answered")

    static let all: [AnySetting] = [
        CommonSettings.databaseURL, CommonSettings.brokerURL, kindsSetting, batchSizeSetting, batchDelaySetting,
        prefetchSetting, holdSetting, deliveryLimitSetting, maximumMessageSetting, retryUnknownSetting,
        RevisionRules.setting,
        BrokerSettings.queueType,
        BrokerSettings.plaintext, BrokerSettings.management, http, http.token,
        CommonSettings.shutdownTimeout,
        CommonSettings.logLevel, CommonSettings.logFormat,
    ]
}
