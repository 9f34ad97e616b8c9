#include "shared/store/sql.h"

#include <gtest/gtest.h>

#include "shared/store/postgres_connection.h"
#include "shared/store/sqlite_connection.h"

namespace sekisho::store {
namespace {

TEST(SqlTest, BecomesWhatSqliteUnderstands) {
  EXPECT_EQ(*TranslateSql("SELECT $1, '$1 {a.b}' FROM {a.b_c} WHERE x = $12 {skip_locked} {for_update}", kSqliteSql),
            "SELECT ?1, '$1 {a.b}' FROM a_b_c WHERE x = ?12  ");
  EXPECT_EQ(*TranslateSql("x {blob}", kSqliteSql), "x BLOB");
}

TEST(SqlTest, BecomesWhatPostgresUnderstands) {
  EXPECT_EQ(*TranslateSql("SELECT $1, '$1 {a.b}' FROM {a.b_c} WHERE x = $12 {skip_locked} {for_update}", kPostgresSql),
            "SELECT $1, '$1 {a.b}' FROM \"a\".\"b_c\" WHERE x = $12 FOR UPDATE SKIP LOCKED FOR UPDATE");
  EXPECT_EQ(*TranslateSql("x {blob}", kPostgresSql), "x bytea");
}

TEST(SqlTest, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(TranslateSql("{nonsense}", kSqliteSql).ok());
  EXPECT_FALSE(TranslateSql("{a.b", kSqliteSql).ok());
  EXPECT_FALSE(TranslateSql("{A.b}", kSqliteSql).ok());
  EXPECT_FALSE(TranslateSql("{a.b.c}", kSqliteSql).ok());
}

}  // namespace
}  // namespace sekisho::store
