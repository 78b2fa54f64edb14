import EventLoop

extension ConnectionExecutor {
    static func forBroker(_ name: String) throws(AMQPError) -> ConnectionExecutor {
        do throws(ThreadStartError) {
            return try ConnectionExecutor(name: name)
        } catch {
            throw AMQPError(.noResources, error.description)
        }
    }
}
