"""The sections ``access`` and ``employees``: who reads, and whose logins are whose."""

from ingestion.mapping.model import AccessUser, Account, one_password
from ingestion.mapping.names import ACCESS_ROLES, RESERVED_USERNAMES, USERNAME
from ingestion.mapping.parts import Parts
from ingestion.marked_yaml import Block


class PeopleParts(Parts):
    """Reads who the people of the system are."""

    def access(self) -> tuple[AccessUser, ...]:
        """Who reads the warehouse."""
        users: list[AccessUser] = []
        lines: dict[str, int] = {}
        for part in self.items(self.top, "access"):
            if not isinstance(part, Block):
                self.problems.add(
                    part.line,
                    "access: `- {username: NAME, role: ROLE, employee: ID}` expected",
                )
                continue
            self.known(part, "access", ("username", "role", "employee"), "name")
            username = self.required(part, "username")
            if username and not USERNAME.match(username):
                self.bad(
                    part,
                    "username",
                    f"`{username}` cannot be a login; use up to 38 of a-z, 0-9, _ . -",
                )
            if username in RESERVED_USERNAMES:
                self.bad(
                    part,
                    "username",
                    f"`{username}` is a login of the product itself; choose another",
                )
            first = lines.setdefault(one_password(username), part.line)
            if username and first != part.line:
                self.bad(
                    part,
                    "username",
                    f"`{username}` is given twice (first on line {first}; . - and _ are"
                    " one here); one line per person",
                )
            role = self.choice(part, "role", ACCESS_ROLES)
            employee = self.optional(part, "employee")
            if role != "admin" and role in ACCESS_ROLES and employee is None:
                self.bad(
                    part,
                    "employee",
                    f"{role} reads by the person's place; add `employee: ID`",
                )
            users.append(AccessUser(username, role, employee))
        return tuple(users)

    def accounts(self) -> tuple[Account, ...]:
        """Logins that belong to another login's person, and logins of nobody."""
        block = self.block(self.top, "employees")
        self.known(block, "employees", ("accounts", "shared"), "name")
        people = self.block(block, "accounts")
        accounts: list[Account] = []
        lines: dict[str, int] = {}
        for person in people.entries:
            for item in self.items(people, person):
                login = self.text(item, person)
                if login in people.entries:
                    self.problems.add(
                        item.line,
                        f"{login} is a person (line {people.lines[login]}) and a"
                        f" further login of {person}; keep one of them",
                    )
                self._once(lines, login, item.line)
                accounts.append(Account(login, person, is_shared=False))
        for item in self.items(block, "shared"):
            login = self.text(item, "shared")
            if login in people.entries:
                self.problems.add(
                    item.line,
                    f"{login} is shared, so it is nobody's main login (line"
                    f" {people.lines[login]}); keep one of them",
                )
            self._once(lines, login, item.line)
            accounts.append(Account(login, None, is_shared=True))
        return tuple(accounts)

    def _once(self, lines: dict[str, int], login: str, line: int) -> None:
        first = lines.setdefault(login, line)
        if first != line:
            self.problems.add(
                line,
                f"login {login} is given twice (first on line {first}); a login is of"
                " one person",
            )
