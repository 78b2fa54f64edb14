import CRabbitMQ

/// Calls that wait for the broker's answer. They are for the time before anything is published or consumed: the library
/// blocks in them, for at most `replyTimeout`.
extension BrokerLink {
    func openChannel() throws(AMQPError) {
        amqp_channel_open(handle.raw, FrameWriter.channel)
        try amqp_get_rpc_reply(handle.raw).check("opening a channel")
    }

    /// Looks for the queue and creates it only when it is missing, because declaring over an existing one with other
    /// arguments is an error.
    func ensure(_ queue: QueueDeclaration) throws(AMQPError) {
        do throws(AMQPError) {
            try declare(queue, passive: true)
        } catch {
            guard error.kind == .channelClosed(404) else { throw error }
            try openChannel()  // the broker closed it with its 404
            try declare(queue, passive: false)
        }
    }

    /// Looks at a queue and changes nothing.
    /// - Returns: how many messages are ready and how many consumers there are; nil if there is no such queue.
    func look(at queue: String) throws(AMQPError) -> (messages: Int, consumers: Int)? {
        var found: (messages: Int, consumers: Int)?
        withBytes(queue) { name in
            let ok = amqp_queue_declare(handle.raw, FrameWriter.channel, name, 1, 1, 0, 0, amqp_table_t())
            if let ok { found = (Int(ok.pointee.message_count), Int(ok.pointee.consumer_count)) }
        }
        do throws(AMQPError) {
            try checkChannel("looking at the queue \(queue)")
        } catch {
            guard error.kind == .channelClosed(404) else { throw error }
            try openChannel()
        }
        return found
    }

    /// The arguments that a queue was declared with. AMQP has no question for that; but the broker refuses to declare a
    /// queue again with other arguments, and names the first one that differs (406). What a policy sets stays unseen.
    func arguments(of queue: String) throws(AMQPError) -> [QueueArgument] {
        var found: [QueueArgument] = []
        while found.count < 16 {
            do throws(AMQPError) {
                try declare(queue, passive: false, arguments: found)
                return found
            } catch {
                guard case .channelClosed = error.kind else { throw error }
                try openChannel()  // also after a 403: who may not declare learns nothing
                guard let next = QueueArgument(complaint: error.message),
                    !found.contains(where: { $0.name == next.name })
                else { return found }
                found.append(next)
            }
        }
        return found
    }

    private func declare(_ queue: QueueDeclaration, passive: Bool) throws(AMQPError) {
        let type = QueueArgument(name: "x-queue-type", value: .text(queue.type.rawValue))
        try declare(queue.name, passive: passive, arguments: !passive && queue.type == .quorum ? [type] : [])
    }

    private func declare(_ queue: String, passive: Bool, arguments: [QueueArgument]) throws(AMQPError) {
        withBytes(queue) { name in
            withTable(arguments[...], []) { table in
                _ = amqp_queue_declare(handle.raw, FrameWriter.channel, name, passive ? 1 : 0, 1, 0, 0, table)
            }
        }
        try checkChannel("declaring the queue \(queue)")
    }

    /// Limits how many deliveries each consumer of the channel may have unacknowledged.
    func setPrefetch(_ count: UInt16) throws(AMQPError) {
        amqp_basic_qos(handle.raw, FrameWriter.channel, 0, count, 0)
        try checkChannel("setting the prefetch count")
    }

    /// Starts deliveries from a queue; its index becomes the consumer tag.
    func consume(_ queue: String, index: Int) throws(AMQPError) {
        withBytes(queue) { name in
            withBytes(String(index)) { tag in
                _ = amqp_basic_consume(handle.raw, FrameWriter.channel, name, tag, 0, 0, 0, amqp_table_t())
            }
        }
        try checkChannel("consuming from the queue \(queue)")
    }

    func selectConfirms() throws(AMQPError) {
        amqp_confirm_select(handle.raw, FrameWriter.channel)
        try checkChannel("asking for confirms")
    }

    private func checkChannel(_ action: String) throws(AMQPError) {
        do throws(AMQPError) {
            try amqp_get_rpc_reply(handle.raw).check(action)
        } catch {
            if case .channelClosed = error.kind {
                var ok = amqp_channel_close_ok_t()
                amqp_send_method(handle.raw, FrameWriter.channel, MethodID.channelCloseOK, &ok)
            }
            throw error
        }
    }

    private func withBytes(_ text: String, _ body: (amqp_bytes_t) -> Void) {
        var text = text
        text.withUTF8 { utf8 in
            body(amqp_bytes_t(len: utf8.count, bytes: UnsafeMutableRawPointer(mutating: utf8.baseAddress)))
        }
    }

    /// Nests one call for each argument, so that the bytes of all of them live until the last.
    private func withTable(
        _ arguments: ArraySlice<QueueArgument>, _ entries: [amqp_table_entry_t], _ body: (amqp_table_t) -> Void
    ) {
        guard let argument = arguments.first else {
            var entries = entries
            let count = Int32(entries.count)
            entries.withUnsafeMutableBufferPointer { body(amqp_table_t(num_entries: count, entries: $0.baseAddress)) }
            return
        }
        withBytes(argument.name) { key in
            var entry = amqp_table_entry_t()
            entry.key = key
            switch argument.value {
            case .number(let number):
                entry.value.kind = UInt8(ascii: "l")
                entry.value.value.i64 = number
                withTable(arguments.dropFirst(), entries + [entry], body)
            case .text(let text):
                withBytes(text) { value in
                    entry.value.kind = UInt8(ascii: "S")
                    entry.value.value.bytes = value
                    withTable(arguments.dropFirst(), entries + [entry], body)
                }
            }
        }
    }
}
