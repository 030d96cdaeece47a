//! Pipelines of CI systems that call `devenv ci`.

/// A CI system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// GitHub's workflows.
    Github,
    /// GitLab's pipelines.
    Gitlab,
    /// CircleCI.
    Circleci,
}

/// A pipeline that runs `devenv ci`, keeps its reports, and hands the records of runs on: what has been measured is known to
/// the next one.
#[must_use]
pub fn pipeline(system: System) -> &'static str {
    match system {
        System::Github => {
            "\
# .github/workflows/ci.yml
name: ci
on: [push, pull_request]
permissions: {contents: read}
jobs:
  ci:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/cache@v4
        with:
          path: .devenv/runs
          key: devenv-runs-${{ github.ref_name }}-${{ github.run_id }}
          restore-keys: |
            devenv-runs-${{ github.ref_name }}-
            devenv-runs-
      # Install devenv here, from where you keep it.
      - run: devenv doctor --fix --yes
      - run: devenv ci --junit devenv-junit.xml --html devenv-report.html --bundle devenv-bundle.tar
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: devenv
          path: devenv-*
"
        }
        System::Gitlab => {
            "\
# .gitlab-ci.yml, for a runner whose jobs reach a Docker engine (shell executor, or docker:dind with DOCKER_HOST)
ci:
  script:
    # Install devenv here, from where you keep it.
    - devenv doctor --fix --yes
    - devenv ci --junit devenv-junit.xml --html devenv-report.html --bundle devenv-bundle.tar
  cache:
    key: devenv-runs-$CI_COMMIT_REF_SLUG
    fallback_keys: [devenv-runs-$CI_DEFAULT_BRANCH]
    paths: [.devenv/runs]
    when: always
  artifacts:
    when: always
    paths: [devenv-report.html, devenv-bundle.tar]
    reports:
      junit: devenv-junit.xml
"
        }
        System::Circleci => {
            "\
# .circleci/config.yml
version: 2.1
jobs:
  ci:
    machine:
      image: ubuntu-2404:current
    steps:
      - checkout
      - restore_cache:
          keys:
            - devenv-runs-{{ .Branch }}-
            - devenv-runs-
      # Install devenv here, from where you keep it.
      - run: devenv doctor --fix --yes
      - run: mkdir -p reports && devenv ci --junit reports/devenv.xml --html reports/devenv.html --bundle reports/devenv-bundle.tar
      - save_cache:
          key: devenv-runs-{{ .Branch }}-{{ epoch }}
          paths: [.devenv/runs]
          when: always
      - store_test_results:
          path: reports
      - store_artifacts:
          path: reports
workflows:
  ci:
    jobs: [ci]
"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelines_are_yaml_and_call_ci() {
        for system in [System::Github, System::Gitlab, System::Circleci] {
            let text = pipeline(system);
            assert!(text.contains("devenv ci --junit "), "{text}");
            assert!(serde_yaml::from_str::<serde_json::Value>(text).unwrap().is_object());
        }
    }
}
