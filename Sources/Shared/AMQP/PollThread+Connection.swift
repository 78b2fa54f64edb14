import EventLoop

extension PollThread {
    /// A thread for one connection.
    static func forConnection(_ name: String) throws(AMQPError) -> PollThread {
        do throws(ThreadStartError) {
            return try PollThread(name: name)
        } catch {
            throw AMQPError(.noResources, error.description)
        }
    }
}
