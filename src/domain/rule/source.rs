pub struct RuleFile;
pub fn parse() {}
