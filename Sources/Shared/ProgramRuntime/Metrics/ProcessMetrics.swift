import Glibc

/// What Prometheus clients report about their process, read from `/proc` at each scrape.
enum ProcessMetrics {
    static let descriptions = [
        MetricDescription("process_cpu_seconds_total", .counter, "User and system CPU time spent."),
        MetricDescription("process_resident_memory_bytes", .gauge, "Resident memory size."),
        MetricDescription("process_open_fds", .gauge, "Open file descriptors."),
        MetricDescription("process_max_fds", .gauge, "The most file descriptors that it may have open."),
        MetricDescription("process_start_time_seconds", .gauge, "Start time of the process since 1970."),
    ]

    static func register(in registry: PrometheusRegistry) {
        registry.addCounter("process_cpu_seconds_total") { cpuSeconds() }
        registry.addGauge("process_resident_memory_bytes") { residentBytes() }
        registry.addGauge("process_open_fds") { openDescriptors() }
        registry.addGauge("process_max_fds") { mostDescriptors() }
        let start = startTime()
        registry.addGauge("process_start_time_seconds") { start }
    }

    private static func cpuSeconds() -> Double? {
        guard let fields = statFields(), let user = Double(fields[11]), let system = Double(fields[12]) else {
            return nil
        }
        return (user + system) / ticksPerSecond
    }

    private static func residentBytes() -> Double? {
        guard
            let pages = SmallFile.text("/proc/self/statm")?.split(separator: " ").dropFirst().first.flatMap({
                Double($0)
            })
        else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func openDescriptors() -> Double? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var entries = 0
        while readdir(directory) != nil { entries += 1 }
        return Double(entries - 3)  // ".", "..", and the descriptor of this very look
    }

    private static func mostDescriptors() -> Double? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }

    private static func startTime() -> Double? {
        guard let fields = statFields(), let sinceBoot = Double(fields[19]),
            let line = SmallFile.text("/proc/stat")?.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Double(line.dropFirst(6))
        else { return nil }
        return boot + sinceBoot / ticksPerSecond
    }

    /// The fields of `/proc/self/stat` from the third on: the second is a name that may contain blanks.
    private static func statFields() -> [Substring]? {
        guard let text = SmallFile.text("/proc/self/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? fields : nil
    }

    private static var ticksPerSecond: Double { Double(sysconf(Int32(_SC_CLK_TCK))) }
}
