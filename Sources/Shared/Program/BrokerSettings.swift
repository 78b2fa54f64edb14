public import AMQP
public import Postgres
public import Service

/// The settings of the broker that both programs share.
public enum BrokerSettings {
    /// The type of queues that have to be created; an existing queue is taken as it is.
    public static let queueType = Setting<QueueDeclaration.QueueType>.choice(
        "QUEUE_TYPE", flag: "--queue-type", default: .classic,
        help: "the type of a queue that is missing and gets created")
}

extension SettingsReader {
    /// How to connect to the database.
    /// - Throws: ``SettingError`` if `DATABASE_URL` is missing or can't be read.
    public func database(applicationName: String) throws(SettingError) -> PostgresConfiguration {
        let configuration = PostgresConfiguration(
            conninfo: try read(CommonSettings.databaseURL), applicationName: applicationName)
        do throws(PostgresError) {
            try configuration.validate()
            return configuration
        } catch {
            throw SettingError(
                setting: "DATABASE_URL", problem: "cannot be used: \(error.message). It may be: a libpq URI or conninfo"
            )
        }
    }

    /// How to connect to the broker.
    /// - Throws: ``SettingError`` if `AMQP_URL` is missing or can't be read.
    public func broker(connectionName: String) throws(SettingError) -> AMQPConfiguration {
        let urls = try read(CommonSettings.brokerURL)
        do throws(AMQPError) {
            return AMQPConfiguration(endpoints: try AMQPEndpoint.parse(urls), connectionName: connectionName)
        } catch {
            throw SettingError(
                setting: "AMQP_URL",
                problem: "cannot be used: \(error.message). It may be: amqp:// or amqps:// URLs, comma-separated")
        }
    }
}
