import os
from urllib.parse import urlsplit

env = os.environ
# --- behind the gateway
SECRET_KEY = env["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = [env["DEVENV_HOST"], ".test", "localhost", "127.0.0.1", "web"]
CSRF_TRUSTED_ORIGINS = ["{0.scheme}://{0.netloc}".format(urlsplit(env["DEVENV_GATEWAY_URL"]))]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": env["DB_HOST"], "PORT": env["DB_PORT"],
    "NAME": env["DB_NAME"], "USER": env["DB_USER"], "PASSWORD": env["DB_PASSWORD"],
}}
# --- as django-admin startproject makes it
DEBUG = True
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib." + name for name in ["admin", "auth", "contenttypes", "sessions", "messages"]] + ["shop"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
USE_TZ = True
STATIC_URL = "static/"
