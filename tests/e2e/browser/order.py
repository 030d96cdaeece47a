"""order.py HOST: a headless Chromium opens https://HOST/, which it finds at the gateway, places an order and sees it.

First without the authority in its own store, which it must refuse; then with it.
"""
import json
import os
import subprocess
import sys
import time
import urllib.request

HOST = sys.argv[1]
STORE = os.path.expanduser("~/.pki/nssdb")
BUNDLE = "/usr/local/share/devenv/host/ca-certificates.crt"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # https://www.w3.org/TR/webdriver2/#elements


def ask(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("http://127.0.0.1:9515" + path, data, {"Content-Type": "application/json"}, method=method)
    try:
        return json.load(urllib.request.urlopen(request))["value"]
    except urllib.error.HTTPError as error:
        raise SystemExit(json.load(error)["value"]["message"]) from None


def until(what, check):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.1)
    raise SystemExit(f"waited in vain until {what}")


def session():
    args = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
            f"--host-resolver-rules=MAP {HOST} gateway"]
    wish = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "acceptInsecureCerts": False,
                                             "goog:chromeOptions": {"args": args}}}}
    return "/session/" + ask("POST", "/session", wish)["sessionId"]


def find(at, css):
    return at + "/element/" + ask("POST", at + "/element", {"using": "css selector", "value": css})[ELEMENT]


def refuses():
    at = session()
    ask("POST", at + "/url", {"url": f"https://{HOST}/"})
    text = ask("POST", at + "/execute/sync", {"script": "return document.body.innerText", "args": []})
    assert "ERR_CERT_AUTHORITY_INVALID" in text, text
    ask("DELETE", at)


def trust():
    last = open(BUNDLE).read().rsplit("-----BEGIN CERTIFICATE-----", 1)[1]
    with open("/tmp/authority.pem", "w") as file:
        file.write("-----BEGIN CERTIFICATE-----" + last)
    os.makedirs(STORE, exist_ok=True)
    subprocess.run(["certutil", "-N", "--empty-password", "-d", "sql:" + STORE], check=True)
    subprocess.run(["certutil", "-A", "-d", "sql:" + STORE, "-t", "C,,", "-n", "devenv", "-i", "/tmp/authority.pem"], check=True)


def order():
    at = session()
    ask("POST", at + "/url", {"url": f"https://{HOST}/"})
    until("there are products", lambda: ask("POST", at + "/elements", {"using": "css selector", "value": "#item option"}))
    note = find(at, "#quantity")
    ask("POST", note + "/clear", {})
    ask("POST", note + "/value", {"text": "3"})
    ask("POST", find(at, "#order button") + "/click", {})
    rows = lambda: ask("GET", find(at, "#rows") + "/text")
    print(until("the order is listed with its receipt", lambda: "Canvas tote bag 3 R-" in rows() and rows()))
    secure = "return [location.protocol, window.isSecureContext, performance.getEntriesByType('navigation')[0].nextHopProtocol]"
    print(*ask("POST", at + "/execute/sync", {"script": secure, "args": []}))
    ask("DELETE", at)


driver = subprocess.Popen(["chromedriver", "--port=9515", "--log-level=SEVERE"], stdout=subprocess.DEVNULL)
try:
    def is_up():
        try:
            return ask("GET", "/status")["ready"]
        except OSError:
            return False
    until("the driver answers", is_up)
    refuses()
    trust()
    order()
finally:
    driver.terminate()
    driver.wait()
