"""A collector for tests: takes traces by OTLP/HTTP and prints each span as a line of JSON. Needs opentelemetry-proto.

    collector.py        the first line that it prints is its port
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def value(any_value):
    return getattr(any_value, any_value.WhichOneof("value"))


def attributes(pairs):
    return {pair.key: value(pair.value) for pair in pairs}


def described(resource, span):
    return {
        "resource": attributes(resource.attributes), "name": span.name, "kind": span.kind,
        "trace": span.trace_id.hex(), "span": span.span_id.hex(), "parent": span.parent_span_id.hex(),
        "start": span.start_time_unix_nano, "end": span.end_time_unix_nano, "flags": span.flags,
        "attributes": attributes(span.attributes), "events": [event.name for event in span.events],
        "links": [link.trace_id.hex() + "-" + link.span_id.hex() for link in span.links],
    }


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_right = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
        request = ExportTraceServiceRequest.FromString(body)
        for resource_spans in request.resource_spans:
            for scope in resource_spans.scope_spans:
                for span in scope.spans:
                    print(json.dumps(described(resource_spans.resource, span)), flush=True)
        self.send_response(200 if is_right else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Collector)
print(server.server_port, flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit()
