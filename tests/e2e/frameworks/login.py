"""Logs in to the admin as a browser does: through the gateway, by the address that people use."""
import http.client
import os
import re
import socket
import ssl
from urllib.parse import urlencode, urlsplit

url = urlsplit(os.environ["DEVENV_GATEWAY_URL"])


class Gateway(http.client.HTTPSConnection):
    def connect(self):
        connection = socket.create_connection(("gateway", 443))
        self.sock = ssl.create_default_context().wrap_socket(connection, server_hostname=url.hostname)


def ask(method, path, body=None, cookies=()):
    gateway = Gateway(url.hostname)
    heads = {"Host": url.netloc, "Cookie": "; ".join(cookies)}
    if body:
        origin = f"{url.scheme}://{url.netloc}"
        heads |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin, "Referer": origin + path}
    gateway.request(method, path, body, heads)
    answer = gateway.getresponse()
    set_cookies = [value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
    return answer.status, answer.getheader("Location"), answer.read().decode(), set_cookies


path = "/admin/login/?next=/admin/"
_, _, page, cookies = ask("GET", path)
token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page).group(1)
form = urlencode({"csrfmiddlewaretoken": token, "username": "ann", "password": "secret", "next": "/admin/"})
status, location, _, session = ask("POST", path, form, cookies)
print(status, location)
status, _, page, _ = ask("GET", "/admin/", cookies=cookies + session)
print(status, re.search(r"<title>([^<]+)", page).group(1).strip())
