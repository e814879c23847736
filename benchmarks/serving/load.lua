-- Posts one body again and again, and prints what was seen as one line of JSON: microseconds, errors, bytes.
-- The body's file and the headers come after `--`: body.json [Name: value]...

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  wrk.headers["Content-Type"] = "application/json"
  for place = 2, #arguments do
    local name, value = arguments[place]:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
  request_bytes = wrk.format()
end

function request()
  return request_bytes
end

-- wrk counts answers over 399 as errors. A redirect would not be one, but what is asked has answered 200 before.
function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    'RESULT {"requests": %d, "duration": %d, "p50": %d, "p99": %d, "status": %d, "lost": %d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
