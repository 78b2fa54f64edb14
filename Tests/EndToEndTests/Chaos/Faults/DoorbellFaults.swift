import TestSupport

extension ChaosRound {
    /// Another function of the name takes the place of the server's in all new sessions, and does nothing.
    func swallowDoorbell() async throws -> Bool {
        try await world.query(
            "CREATE OR REPLACE FUNCTION public.pg_notify(text, text) RETURNS void LANGUAGE sql AS 'SELECT'")
        try await world.query("ALTER DATABASE \(world.database.name) SET search_path = public, pg_catalog")
        let isSeen = try await endSessionsOnceThere()
        try await eventually("a relay does not hear it") {
            relays.contains { $0.log.contains("NOTIFY does not arrive") }
        }
        return isSeen
    }
}
