/// What a broker says when a row can't be published, whoever tries.
package enum RowFault {
    /// AMQP reply codes by which a broker complains about what it was sent: content too large, precondition failed (so
    /// RabbitMQ calls a message above its limit), frame error, syntax error (AMQP 0-9-1, section 1.8).
    package static let codes: Set<UInt16> = [311, 406, 501, 502]
}
