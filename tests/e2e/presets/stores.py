"""Uses every store by its own protocol with the variables of `needs`. `write` leaves something in each, `read` finds it
again; a wrong password opens none of them. Prints a line for each."""
import email.message
import hashlib
import hmac
import json
import smtplib
import socket
import sys
import time
import urllib.error
import urllib.request
from os import environ as env

import pika
import pymysql

what = sys.argv[1]


def db(password):
    login = dict(host=env["DB_HOST"], port=int(env["DB_PORT"]), user=env["DB_USER"], database=env["DB_NAME"])
    try:
        connection = pymysql.connect(password=password, autocommit=True, **login)
    except pymysql.err.OperationalError as error:
        return "refused" if error.args[0] == 1045 else str(error)
    with connection.cursor() as cursor:
        if what == "write":
            cursor.execute("insert into item values ('kept')")
        cursor.execute("select group_concat(name order by name) from item")
        return cursor.fetchone()[0]


def mq(password):
    credentials = pika.PlainCredentials(env["MQ_USER"], password)
    parameters = pika.URLParameters(env["MQ_URL"])
    parameters.credentials = credentials
    try:
        channel = pika.BlockingConnection(parameters).channel()
    except pika.exceptions.AMQPConnectionError:
        return "refused"
    channel.queue_declare("jobs", durable=True)
    if what == "write":
        persistent = pika.BasicProperties(delivery_mode=2)
        channel.basic_publish("", "jobs", b"kept", persistent)
        return "sent"
    # Left in its queue
    method, _, body = channel.basic_get("jobs")
    channel.basic_nack(method.delivery_tag)
    return body.decode()


def lines(name, *commands):
    """What is answered to each command, which is as many lines as stand beside it. An error ends it."""
    with socket.create_connection((env[name + "_HOST"], int(env[name + "_PORT"])), timeout=10) as connection:
        stream = connection.makefile("rwb")
        answers = []
        for command, count in commands:
            stream.write(command.encode() + b"\r\n")
            stream.flush()
            answers.append(stream.readline().decode().strip())
            if answers[-1].startswith("-"):
                return ["refused"]
            answers += [stream.readline().decode().strip() for _ in range(count - 1)]
        return answers


def kv(password):
    command = ("SET one kept", 1) if what == "write" else ("GET one", 2)
    return lines("KV", (f"AUTH {password}", 1), command)[-1]


def mail(password):
    with smtplib.SMTP(env["MAIL_HOST"], int(env["MAIL_PORT"])) as server:
        try:
            server.login(env["MAIL_USER"], password)
        except smtplib.SMTPAuthenticationError:
            return "refused"
        if what == "write":
            message = email.message.EmailMessage()
            message["From"], message["To"], message["Subject"] = "shop@example.com", "ann@example.com", "Kept ü"
            message.set_content("text")
            message.add_alternative("<b>html</b>", subtype="html")
            server.send_message(message)
    page = urllib.request.urlopen(f"http://{env['MAIL_HOST']}:8025/messages").read()
    return ", ".join(one["subject"] + " " + one["text"].strip() for one in json.loads(page))


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def s3(secret):
    """One signed request, as every S3 client makes it."""
    path, body = f"/{env['FILES_BUCKET']}/a/b.txt", b"kept" if what == "write" else b""
    host, now = f"{env['FILES_HOST']}:{env['FILES_PORT']}", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    method, digest = "PUT" if body else "GET", hashlib.sha256(body).hexdigest()
    heads = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": now}
    names = ";".join(heads)
    request = "\n".join([method, path, "", *(f"{name}:{value}" for name, value in heads.items()), "", names, digest])
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for word in scope.split("/"):
        key = sign(key, word)
    signature = sign(key, text).hex()
    heads["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={env['FILES_ACCESS_KEY']}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    asked = urllib.request.Request(env["FILES_URL"] + path, data=body or None, headers=heads, method=method)
    try:
        return urllib.request.urlopen(asked).read().decode() or "stored"
    except urllib.error.HTTPError as error:
        return "refused" if error.code == 403 else f"{error.code} {error.read()}"


stores = [(db, "DB_PASSWORD"), (mq, "MQ_PASSWORD"), (kv, "KV_PASSWORD"), (mail, "MAIL_PASSWORD"), (s3, "FILES_SECRET_KEY")]
for store, password in stores:
    print(store.__name__, store(env[password]), "|", store("wrong"))
print("mc", *lines("MC", ("set one 0 0 4\r\nkept", 1), ("get one", 3)))
