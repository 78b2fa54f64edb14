/// The advisory locks of Candlepost, all in one place because their keys share one number space in a database.
///
/// Two installations may sit in two schemas of one database. What a relay or an act holds is held in its schema only:
/// ``inSchema(_:)``. Writers of both wait for one another, which harms nobody.
public enum AdvisoryLock {
    /// Held while migrations are applied.
    public static let migration: Int64 = 0x43_414E_444C_4500

    /// First key of the two-part locks, the lane being the second.
    ///
    /// A writer holds its batch's lanes from before it draws outbox ids until after the commit, so that within a lane
    /// the order of ids is the order of commits.
    public static let writerLane: Int32 = 0x43_4157
    /// A relay holds the lanes that it publishes for as long as its connection lives.
    public static let relayLane: Int32 = 0x43_4152
    /// A relay holds this with a key of its own as long as it lives: so relays count one another.
    public static let relayPresence: Int32 = 0x43_4150
    /// Held by the one session that looks after partitions.
    public static let retention: Int32 = 0x43_4154
    /// Held by the command that is at work on an act, the act's number being the second key.
    public static let act: Int32 = 0x43_4141

    /// The SQL expression of a first key for the schema of the outbox: an `integer`. In `public` it is the key itself, as it was
    /// when no key knew of schemas.
    public static func inSchema(_ key: Int32) -> String {
        """
        (SELECT CASE nspname WHEN 'public' THEN \(key) ELSE \(key) # hashtext(nspname::text) END
         FROM pg_namespace WHERE oid = (SELECT relnamespace FROM pg_class WHERE oid = 'outbox'::regclass))
        """
    }

    /// The same as `pg_locks.classid` shows it: a `bigint`.
    public static func classID(_ key: Int32) -> String { "(\(inSchema(key))::bigint & 4294967295)" }
}

/// The channels of LISTEN and NOTIFY.
public enum NotificationChannel {
    /// Rung after commits that added outbox rows. Carries nothing: what there is to do stands in the outbox.
    public static let outbox = "candlepost_outbox"
    /// Rung by a trigger when markets were added or changed.
    public static let markets = "candlepost_markets"
}
