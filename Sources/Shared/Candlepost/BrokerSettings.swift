public import AMQP
public import Postgres
public import ProgramRuntime

/// The settings of the broker that both programs share.
public enum BrokerSettings {
    /// The type of queues that have to be created; an existing queue is taken as it is.
    public static let queueType = Setting<QueueDeclaration.QueueType>.choice(
        "QUEUE_TYPE", flag: "--queue-type", default: .classic,
        help: "the type of a queue that is missing and gets created")

    /// Where RabbitMQ's management API is, which alone tells of policies.
    public static let management = Setting.secret(
        "RABBITMQ_MANAGEMENT_URL", default: nil, defaultText: "none", allowed: "http://user:password@host:port",
        help: "RabbitMQ's management API, to see what policies say of delivery limits")

    /// Where connections without TLS may lead.
    public enum PlaintextReach: String, Sendable, CaseIterable {
        case loopback, anywhere
    }

    /// So that nobody sends a password through a network in plain text without having said so.
    public static let plaintext = Setting<PlaintextReach>.choice(
        "AMQP_PLAINTEXT", flag: "--amqp-plaintext", default: .loopback,
        help: "where amqp://, which is without TLS, may lead")
}

extension SettingsReader {
    /// How to connect to the database. Each connection reads `DATABASE_URL_FILE` again.
    /// - Parameter setting: the setting of the address.
    /// - Throws: ``SettingError`` if it is missing or can't be read.
    public func database(
        applicationName: String, setting: Setting<String> = CommonSettings.databaseURL
    ) throws(SettingError) -> PostgresConfiguration {
        var configuration = PostgresConfiguration(
            conninfo: try conninfo(applicationName, setting), applicationName: applicationName)
        configuration.reread = { try? conninfo(applicationName, setting) }
        return configuration
    }

    private func conninfo(_ applicationName: String, _ setting: Setting<String>) throws(SettingError) -> String {
        let conninfo = try read(setting)
        do throws(PostgresError) {
            try PostgresConfiguration(conninfo: conninfo, applicationName: applicationName).validate()
            return conninfo
        } catch {
            throw SettingError(
                setting: setting.name, problem: "cannot be used: \(error.message). It may be: a libpq URI or conninfo"
            )
        }
    }

    /// How to connect to the broker. Each connection reads `AMQP_URL_FILE` again.
    /// - Throws: ``SettingError`` if `AMQP_URL` is missing or can't be read.
    public func broker(connectionName: String) throws(SettingError) -> AMQPConfiguration {
        var configuration = AMQPConfiguration(endpoints: try endpoints(), connectionName: connectionName)
        configuration.reread = { try? endpoints() }
        return configuration
    }

    /// The management API; nil if none is given.
    /// - Throws: ``SettingError`` if it can't be read, or leads to another machine though `AMQP_PLAINTEXT` says loopback.
    public func management() throws(SettingError) -> ManagementAPI? {
        let setting = BrokerSettings.management
        guard let url = try readIfSet(setting) else { return nil }
        guard let api = ManagementAPI(url) else {
            throw SettingError(setting: setting.name, problem: "cannot be read. It may be: \(setting.allowed)")
        }
        let reach = try read(BrokerSettings.plaintext)
        guard reach == .anywhere || !api.isExposed else {
            throw SettingError(
                setting: setting.name,
                problem: "would send its password without TLS. It may lead to this machine, or AMQP_PLAINTEXT=anywhere")
        }
        return api
    }

    private func endpoints() throws(SettingError) -> [AMQPEndpoint] {
        let urls = try read(CommonSettings.brokerURL)
        let endpoints: [AMQPEndpoint]
        do throws(AMQPError) {
            endpoints = try AMQPEndpoint.parse(urls)
        } catch {
            throw SettingError(
                setting: "AMQP_URL",
                problem: "cannot be used: \(error.message). It may be: amqp:// or amqps:// URLs, comma-separated")
        }
        if let exposed = endpoints.first(where: \.isExposed), try read(BrokerSettings.plaintext) == .loopback {
            throw SettingError(
                setting: "AMQP_URL",
                problem: "leads without TLS to another machine: \(exposed). It may be: amqps://…, or amqp:// with "
                    + "AMQP_PLAINTEXT=anywhere where the network is private")
        }
        return endpoints
    }
}
