#!/bin/sh
# Schemathesis over the API's description: no server errors, no answers that the description does not allow.
#
#   cesar serve --port 5000 & tests/tools/schemathesis.sh http://127.0.0.1:5000 [OPTIONS]
#
# Needs `pip install schemathesis`. Requests create jobs: give the server a data folder of its own (XDG_DATA_HOME).
set -eu
base="$1"
shift
exec schemathesis run "$base/openapi.json" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
  --max-examples 50 --request-timeout 60 "$@"
