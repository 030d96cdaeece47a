//! What docs/frameworks.md says of frameworks behind the gateway, with the frameworks themselves.

use crate::checkout::Checkout;

const DJANGO: &str = r#"project: PROJECT
modules:
  web:
    path: web
    image: python
    deps: {lock: [requirements.txt], install: pip install --quiet -r requirements.txt}
    run: python manage.py migrate --noinput && exec python manage.py runserver --noreload 0.0.0.0:8000
    port: 8000
    health: {http: /admin/login/, start_within: 60s}
    route: /
    needs: [db]
    secrets: {DJANGO_SECRET_KEY: {generate: 50}}
services:
  db: {preset: postgres}
"#;

const MANAGE: &str = r#"import os, sys
from django.core.management import execute_from_command_line
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
execute_from_command_line(sys.argv)
"#;

const URLS: &str = r#"from django.contrib import admin
from django.urls import path
urlpatterns = [path("admin/", admin.site.urls)]
"#;

const TESTS: &str = "\
from django.contrib.auth.models import User
from django.test import TestCase


class Users(TestCase):
    def test_a_database_of_tests_is_another_one(self):
        self.assertEqual(User.objects.count(), 0)
";

#[test]
fn the_admin_of_django_takes_a_login_through_the_gateway() {
    let settings = include_str!("frameworks/settings.py");
    let documented = settings.split("# --- ").find(|text| text.starts_with("behind the gateway")).unwrap();
    let docs = include_str!("../../docs/frameworks.md");
    assert!(docs.contains(documented.split_once('\n').unwrap().1), "docs/frameworks.md has other settings");

    let checkout = Checkout::new(DJANGO);
    checkout.write("web/requirements.txt", "django==5.2.8\npsycopg[binary]==3.2.12\n");
    checkout.write("web/manage.py", MANAGE);
    checkout.write("web/login.py", include_str!("frameworks/login.py"));
    checkout.write("web/shop/__init__.py", "");
    checkout.write("web/shop/settings.py", settings);
    checkout.write("web/shop/urls.py", URLS);
    checkout.write("web/shop/tests.py", TESTS);
    checkout.ok(&["up"]);
    let create = "from django.contrib.auth.models import User; User.objects.create_superuser('ann', '', 'secret')";
    checkout.ok(&["exec", "web", "python", "manage.py", "shell", "-c", create]);
    let seen = checkout.ok(&["exec", "web", "python", "login.py"]).stdout;
    assert_eq!(seen, "302 /admin/\n200 Site administration | Django site admin\n");
    // The user of the database may make the one of tests.
    checkout.ok(&["exec", "web", "python", "manage.py", "test", "--noinput"]).says("Ran 1 test");
}
